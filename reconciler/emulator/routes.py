"""Which operation a request is for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from reconciler.emulator.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Route:
    """An operation's method and path, {name} standing for a parameter. What `streams` takes its body as it comes."""

    id: str
    method: str
    path: str
    streams: bool = field(default=False, kw_only=True)


class Routes:
    """Finds the operation of a request: plain paths by one look-up, the few with a parameter by pattern."""

    def __init__(self, operations: Iterable[Route]) -> None:
        self._plain: dict[str, dict[str, Route]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Route]]] = {}
        for operation in operations:
            if "{" not in operation.path:
                self._plain.setdefault(operation.path, {})[operation.method] = operation
                continue
            pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.path))
            self._patterns.setdefault(operation.path, (pattern, {}))[1][operation.method] = operation

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The operation and its path's parameters; Refusal 404 for an unknown path, 405 for an unknown method."""
        methods, params = self._methods(path)
        if not methods:
            raise Refusal(404, "Not Found")
        if method not in methods:
            raise Refusal(405, "Method Not Allowed")
        return methods[method], params

    def _methods(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        if path in self._plain:
            return self._plain[path], {}
        for pattern, methods in self._patterns.values():
            match = pattern.fullmatch(path)
            if match is not None:
                return methods, match.groupdict()
        return {}, {}
