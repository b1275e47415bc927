"""A system that only takes rejections, as tests hold it: its inside, and a client that asks it over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import httpx
import jsonschema

from reconciler.emulator.base import Emulation
from reconciler.emulator.document import Document


class Studio:
    """The emulation of one test; each answer is held to the system's document."""

    def __init__(self, emulation: Emulation, client: httpx.Client, name: str) -> None:
        self.emulation = emulation
        self.client = client
        self.document = Document(f"reconciler.emulator.{name}").content

    def send(self, method: str, path: str, headers: Mapping[str, str | None], **content: Any) -> httpx.Response:
        """Send exactly these headers, without the client's own for those that are None."""
        given = {name: value for name, value in headers.items() if value is not None}
        request = self.client.build_request(method, path, headers=given, **content)
        for name, value in headers.items():
            if value is None:
                request.headers.pop(name, None)
        response = self.client.send(request)
        self._fits(response)
        return response

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a control request that must succeed."""
        content = {} if body is None else {"json": body}
        response = self.client.request(method, f"/_emulator/{path}", **content)
        assert response.status_code == 200, response.text
        return response.json()

    def set(self, **settings: object) -> None:
        self.control("PUT", "options", settings)

    def rejections(self) -> dict[str, dict[str, Any]]:
        """What was rejected, by id."""
        return {one["id"]: one for one in self.control("GET", "state")["rejections"]}

    def times(self) -> dict[str, int]:
        """How often each was sent."""
        return {id: one["times"] for id, one in self.rejections().items()}

    def rules(self) -> list[str]:
        """The names of the rules that were broken so far."""
        return [one["rule"] for one in self.control("GET", "violations")]

    def _fits(self, response: httpx.Response) -> None:
        """Fail unless the document has this answer: its status, and its body of this shape."""
        [operation] = next(iter(self.document["paths"].values())).values()
        answer = operation["responses"][str(response.status_code)]
        if "$ref" in answer:
            answer = self.document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        media_type, _, _ = response.headers["content-type"].partition(";")
        schema = {**answer["content"][media_type]["schema"], "components": self.document["components"]}
        jsonschema.validate(response.json(), schema, jsonschema.Draft202012Validator)


MakeStudio: TypeAlias = Callable[..., Studio]
