"""Takes down what a collection's flow was answered, and plays it back into the very same flow.

So whatever a flow demands of a server it demands of a recording, too, and nothing else has to know the difference.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Set
from typing import Any

import orjson

from reconciler.errors import ApiError, BadReply, InputError, ReconcilerError
from reconciler.recording.models import Answer
from reconciler.secret import Seal
from reconciler.systems.base import Collection
from reconciler.systems.view import NotOffered, Unreadable
from reconciler.wire import Flow, Request, Response

_SILENT = (404, 405)


class Tape:
    """Listens to one collection's flow; ``answer`` is what it heard, without anything that isn't public."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._response: Response | None = None

    def fetch(self, seal: Seal) -> Flow[Any]:
        """The collection's own flow, listened to."""
        return self._listening(self._collection.fetch(seal))

    def answer(self, result: Any) -> Answer:
        """What is put down where the flow came to ``result``."""
        if isinstance(result, Unreadable):
            return Answer(unreadable=result.reason[:1000])
        assert self._response is not None
        if isinstance(result, NotOffered):
            return Answer(status=404 if self._response.status == _SILENT[0] else 405)
        body = orjson.loads(self._response.body)
        try:
            answer = Answer(status=200, body=pruned(body, self._collection.public))
            replayed(self._collection, answer)
        except (InputError, RecursionError):
            return Answer(unreadable="what is public of it isn't enough to tell its objects by")
        return answer

    def _listening(self, flow: Flow[Any]) -> Generator[Request, Response, Any]:
        try:
            request = next(flow)
            while True:
                try:
                    response = yield request
                except ReconcilerError as error:
                    request = flow.throw(error)
                else:
                    self._response = _sealed(request, response)
                    request = flow.send(response)
        except StopIteration as end:
            return end.value


def _sealed(request: Request, response: Response) -> Response:
    """The answer as it is past the request's border, where keys have become what they are known by."""
    if not 200 <= response.status < 300:
        return response
    return Response(200, {}, json.dumps(response.json()).encode())


def pruned(data: Any, public: Set[str], prefix: str = "") -> Any:
    """Of objects (one, a list, or a map by id) the fields of these paths; a nested field's path has slashes.

    Entries of a list are put in one order, whatever the server's is.
    """
    if isinstance(data, list):
        kept = [pruned(one, public, prefix) for one in data if isinstance(one, dict)]
        return sorted(kept, key=lambda one: json.dumps(one, sort_keys=True))
    if not isinstance(data, dict):
        return None
    if not prefix and not any(name in public for name in data):
        return {name: pruned(one, public) for name, one in data.items() if isinstance(one, dict | list)}
    found: dict[str, Any] = {}
    for name, value in data.items():
        path = f"{prefix}{name}"
        if path in public:
            found[name] = value
        elif isinstance(value, dict) and any(one.startswith(f"{path}/") for one in public):
            found[name] = pruned(value, public, f"{path}/")
    return found


def replayed(collection: Collection, answer: Answer | None) -> Any:
    """What the collection's flow makes of a recorded answer: its result, NotOffered, or Unreadable.

    Raises InputError where the flow doesn't take what is said to have been its answer.
    """
    if answer is None:
        return Unreadable("it isn't in the recording")
    if answer.status is None:
        return Unreadable(answer.unreadable or "it couldn't be read when the recording was made")
    flow = collection.fetch(Seal(""))
    try:
        request = next(flow)
        body = b"" if answer.body is None else orjson.dumps(answer.body)
        flow.send(Response(answer.status, {}, body, request.border))
    except StopIteration as end:
        return end.value
    except orjson.JSONEncodeError:  # what is nested that deeply can be read, and not written
        raise _damaged(collection) from None
    except ApiError as error:
        if isinstance(error, BadReply) or answer.status == 200:
            raise _damaged(collection) from None
        return Unreadable(error.message)
    finally:
        flow.close()
    raise _damaged(collection)


def _damaged(collection: Collection) -> InputError:
    return InputError(
        f"the recording is damaged: what it says of {collection.name} can't have been an answer",
        remedy="make one with `reconciler observe --out FILE`",
    )
