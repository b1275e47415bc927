"""Bodies of ``POST /api/v1/plan`` that are almost right, or not at all, at a real server."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from random import Random
from typing import Any

import structlog

from reconciler.config.daemon import PlanLimits
from reconciler.web.settings import Role
from tests.fuzz.bytewise import mangled
from tests.fuzz.grammar import copied, read, spoil, write
from tests.fuzz.json_noise import noisy
from tests.systems.kit import example_files
from tests.web.serving import serving


def _dropped(*_: Any) -> Any:
    raise structlog.DropEvent


ANSWERS = (200, 400, 404, 413, 415, 422)
TYPES = ("application/json", "application/json; charset=utf-8", "application/json", "text/plain", "application/xml", "")


class Area:
    """One tree in a body; the body is spoilt, or a document in it."""

    def __init__(self, folder: Path) -> None:
        structlog.configure(processors=[_dropped])
        plans = PlanLimits(per_minute=1_000_000)
        self._server = serving(plans=plans)
        self._client = self._server.__enter__().client(Role.PLAN)
        self._files = [(one.name, one.data) for one in example_files()]

    def make(self, chance: Random) -> tuple[bytes, dict[str, str]]:
        """A body, and its headers."""
        files = [{"name": name, "content": data.decode()} for name, data in self._files]
        if chance.random() < 0.4:
            name, data = chance.choice(self._files)
            documents = copied(read(data))
            spoil(documents, chance)
            files[chance.randrange(len(files))] = {
                "name": name,
                "content": write(documents, chance).decode("utf-8", "replace"),
            }
        body: dict[str, Any] = {"files": files, "targets": ["lab"]}
        if chance.random() < 0.2:
            body["render"] = {
                "format": chance.choice(("text", "html", "markdown", "x")),
                "width": chance.choice((40, 0, 10**9)),
            }
        way = chance.randrange(10)
        data = noisy(body, chance) if way < 5 else json.dumps(body).encode()
        if way in (5, 6):
            data = mangled(data, [data], chance)
        headers = {"content-type": TYPES[0] if chance.random() < 0.9 else chance.choice(TYPES)}
        if way == 7 and chance.random() < 0.3:
            data, headers["content-encoding"] = gzip.compress(data), "gzip"
        return data, headers

    def run(self, given: tuple[bytes, dict[str, str]]) -> str:
        """Send it."""
        data, headers = given
        answer = self._client.post("/api/v1/plan", content=data, headers=headers)
        assert answer.status_code in ANSWERS, (answer.status_code, answer.text)
        found = answer.json()
        assert "Traceback" not in answer.text
        if answer.status_code == 200:
            assert [one["kind"] for one in found["items"]] == ["Plan"] * len(found["items"])
        else:
            assert answer.headers["content-type"] == "application/problem+json"
            assert found["status"] == answer.status_code
            assert all(one["line"] > 0 and one["column"] > 0 for one in found.get("problems", ()))
        return str(answer.status_code)
