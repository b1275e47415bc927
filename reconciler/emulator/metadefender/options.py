"""What the reference leaves open, as switches.

A real Control Center gives one of several answers where its reference is silent, and nobody knows which before
asking it. Each field of `Options` is one such question; its name is the id of that assumption everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from reconciler.emulator import switches

Shape: TypeAlias = Literal["list", "map", "wrapped"]
Probe: TypeAlias = Literal["value", "404", "405"]


@dataclass(frozen=True, slots=True)
class Options:
    """The answers that the emulator gives to the open questions.

    | field | what it decides |
    | --- | --- |
    | expired_session | the status for an `apikey` that is missing, unknown or expired |
    | second_login | whether a login ends the user's first session, where allowDuplicateSession is false |
    | role_create_reply | whether POST /admin/role answers the role, or 200 without a body |
    | role_list | what GET /admin/role answers |
    | user_roles | whether the `roles` of a user come back as ids or as names (both are accepted) |
    | user_create_existing | whether a create with a name that exists is refused, or makes a second user |
    | cleanup_get, session_get | what GET answers where only PUT is documented |
    | samesite | whether `samesite` comes back as a word or as a number (both are accepted) |
    | service_display_name | whether POST /admin/service takes `display_name`; an ignored one stays empty |
    | service_rename_frozen | whether a PUT that changes only the display name passes while instances are deployed |
    | worker_id_field | the name of a worker's id in lists |
    | worker_list, available_list | list, map of id to worker (without the id inside), or {"workers": […]} |
    | status_words | the word for a worker whose instance runs |
    | readyz | whether GET /readyz exists |
    | id_type | whether the ids of users and roles are integers or strings |
    | error_key | the key of the text in an error's body |
    | session_change_logs_out | whether a change of the session settings ends every session |
    """

    expired_session: Literal[401, 403, 400] = 403
    second_login: Literal["keeps", "ends-first"] = "ends-first"
    role_create_reply: Literal["role", "empty"] = "role"
    role_list: Literal["list", "404", "405"] = "list"
    user_roles: Literal["ids", "names"] = "ids"
    user_create_existing: Literal["400", "duplicate"] = "400"
    cleanup_get: Probe = "404"
    session_get: Probe = "404"
    samesite: Literal["word", "number"] = "word"
    service_display_name: Literal["taken", "ignored"] = "taken"
    service_rename_frozen: Literal["allowed", "refused"] = "allowed"
    worker_id_field: Literal["worker_id", "id"] = "worker_id"
    worker_list: Shape = "list"
    available_list: Shape = "list"
    status_words: Literal["Deployed", "Running"] = "Deployed"
    readyz: Literal["present", "absent"] = "present"
    id_type: Literal["integer", "string"] = "integer"
    error_key: Literal["err", "error", "message", "detail", "response"] = "err"
    session_change_logs_out: bool = False


@dataclass(frozen=True, slots=True)
class Timings:
    """How long things take: seconds for what is asynchronous, milliseconds before each answer."""

    deploy_seconds: float = 2.0
    undeploy_seconds: float = 2.0
    upgrade_seconds: float = 2.0
    latency_ms: float = 0.0


def choices(name: str) -> tuple[Any, ...]:
    """The values that the option `name` may have; KeyError if there is no such option."""
    return switches.choices(Options, name)


def parse(name: str, value: object) -> Any:
    """The value of the option `name` that `value` (itself, or its text) stands for; ValueError if there is none."""
    return switches.parse(Options, name, value)


def changed(options: Options, timings: Timings, settings: Mapping[str, object]) -> tuple[Options, Timings]:
    """Both with `settings` (a name of either to its value) applied; ValueError names what can't be."""
    paces = set(switches.names(Timings))
    switched = {name: value for name, value in settings.items() if name not in paces}
    paced = {name: value for name, value in settings.items() if name in paces}
    return switches.changed(options, switched), switches.changed(timings, paced)
