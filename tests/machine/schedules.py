"""Random schedules: what is desired, what is live, and what goes wrong when; drawn from a tape of bytes.

Hypothesis draws a tape of bytes at a twentieth of the time that it needs for nested strategies, and shrinks it as
well: a byte 0 always stands for the simplest choice, and a tape that is at its end gives zeros.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from reconciler.policy import Policy
from tests.machine.wire import FAULTS, READS_ONLY, WRITES_ONLY, Edit, Fault
from tests.machine.world import World
from tests.systems.kit import deployment, doc, role, service, user, worker

T = TypeVar("T")
Order = Mapping[str, Any]


@dataclass(frozen=True)
class Round:
    """One pass in which something may go wrong. ``policy`` are the fields that differ from the default."""

    documents: tuple[str, ...]
    policy: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    edits: tuple[Edit, ...] = ()
    between: tuple[Order, ...] = ()
    crash: int | None = None
    lose_lease: int | None = None
    jump: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """A world, and its rounds. After them nothing goes wrong any more."""

    live: tuple[Order, ...]
    ours: tuple[tuple[str, str], ...]
    settings: Mapping[str, str]
    rounds: tuple[Round, ...]

    def as_json(self) -> str:
        """As the corpus keeps it."""
        return json.dumps(asdict(self), indent=1)


def from_json(text: str) -> Schedule:
    """What :meth:`Schedule.as_json` made."""
    data = json.loads(text)
    rounds = tuple(
        Round(
            tuple(one["documents"]),
            one["policy"],
            tuple(Fault(**fault) for fault in one["faults"]),
            tuple(Edit(**edit) for edit in one["edits"]),
            tuple(one["between"]),
            *(one[name] for name in ("crash", "lose_lease", "jump")),
        )
        for one in data["rounds"]
    )
    ours = tuple((kind, name) for kind, name in data["ours"])
    return Schedule(tuple(data["live"]), ours, data["settings"], rounds)


def play(schedule: Schedule, **more: Any) -> World:
    """The world after all of it, calmed down."""
    world = World(live=schedule.live, ours=schedule.ours, settings=schedule.settings, **more)
    for one in schedule.rounds:
        world.pass_(
            one.documents,
            policy=policy_of(one.policy),
            faults=one.faults,
            edits=one.edits,
            crash=one.crash,
            lose_lease=one.lose_lease,
            jump=one.jump,
        )
        for order in one.between:
            world.edit(order)
        world.wait(30)
    world.calm_down()
    return world


def policy_of(given: Mapping[str, Any]) -> Policy:
    """A policy, from plain data."""
    return Policy(**{**given, "allow": frozenset(given.get("allow", ()))})


class Tape:
    """Choices, one byte each."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def byte(self) -> int:
        self._place += 1
        return self._content[self._place - 1] if self._place <= len(self._content) else 0

    def pick(self, options: Sequence[T]) -> T:
        return options[self.byte() % len(options)]

    def rarely(self, percent: int) -> bool:
        return self.byte() * 100 >= (100 - percent) * 256

    def some(self, options: Sequence[T], percent: int = 50) -> list[T]:
        return [one for one in options if self.rarely(percent)]


def schedule_of(content: bytes) -> Schedule:
    """The schedule that a tape stands for."""
    tape = Tape(content)
    theme = tape.pick((ACCOUNTS, MACHINES, ACCOUNTS, MACHINES, SETTINGS))
    live = theme.live(tape)
    ours = tuple(tape.some(theme.owned, 60))
    settings = dict(tape.some(OPTIONS, 8))
    if settings.get("role_list") == "404":
        # What others do to roles can't be seen then, and a role of theirs can't be told from one that isn't there.
        theme = theme.without_roles()
        live = [order for order in live if order["collection"] != "roles" or ("Role", order["add"]["name"]) in ours]
    documents = theme.documents(tape)
    rounds = []
    for _ in range(1 + tape.pick((0, 0, 1, 1, 2))):
        rounds.append(_round(tape, theme, documents))
        documents = theme.documents(tape) if tape.rarely(40) else documents
    calm = {**rounds[-1].policy}
    if tape.rarely(50):
        rounds.append(Round(tuple(documents), calm))
    return Schedule(tuple(live), ours, settings, tuple(rounds))


def _round(tape: Tape, theme: Theme, documents: Sequence[str]) -> Round:
    faults = [_fault(tape) for _ in range(tape.pick((1, 0, 1, 2, 3)))]
    edits = [
        Edit(order, tape.pick(("write", "any", "read")), 1 + tape.byte() % 12) for order in tape.some(theme.edits, 8)
    ]
    between = tape.some(theme.edits, 4)
    crash = 1 + tape.byte() % 128 if tape.rarely(35) else None
    lose = 1 + tape.byte() % 128 if tape.rarely(6) else None
    jump = tape.pick((0.0,) * 14 + (3.2e7, -3.2e7))
    return Round(tuple(documents), _policy(tape), tuple(faults), tuple(edits), tuple(between), crash, lose, jump)


def _fault(tape: Tape) -> Fault:
    kind = tape.pick(FAULTS)
    ons = ("read",) if kind in READS_ONLY else ("write",) if kind in WRITES_ONLY else ("write", "read", "any")
    # A server that takes half a minute for each read is given up waiting for: what is read then is older than 10 s.
    often = (1,) if kind == "slow" else (1, 1, 1, 2, 3, 9)
    return Fault(kind, tape.pick(ons), 1 + tape.byte() % 9, tape.pick(often))


def _policy(tape: Tape) -> dict[str, Any]:
    return {
        "prune": tape.pick((True, True, False)),
        "allow": tape.pick((("replace", "redeploy"), ("replace", "redeploy"), (), ("replace",))),
        "destructive": tape.pick((5, 5, 1, 2)),
        "daily": tape.pick((20, 20, 2, 3)),
        "resend": tape.rarely(5),
    }


OPTIONS = (
    ("expired_session", "401"), ("expired_session", "400"), ("role_create_reply", "empty"), ("role_list", "404"),
    ("user_roles", "names"), ("user_create_existing", "duplicate"), ("service_display_name", "ignored"),
    ("worker_list", "map"), ("worker_list", "wrapped"), ("available_list", "map"), ("id_type", "string"),
    ("status_words", "Running"), ("session_change_logs_out", "true"), ("cleanup_get", "value"),
    ("session_get", "value"), ("worker_id_field", "id"),
)  # fmt: skip
READ = {"users": ["read"]}
MARKS: tuple[dict[str, str], ...] = ({}, {}, {}, {}, {}, {"adopt": "enabled"}, {"prune": "disabled"})


class Theme:
    """A part of the product that documents, live objects and humans are at home in."""

    owned: Sequence[tuple[str, str]] = ()
    edits: Sequence[Order] = ()

    def documents(self, tape: Tape) -> list[str]:
        raise NotImplementedError

    def live(self, tape: Tape) -> list[Order]:
        raise NotImplementedError

    def without_roles(self) -> Theme:
        """The same, where roles can't be listed: what humans do to them can't be seen, so they leave them alone."""
        twin = copy.copy(self)
        twin.edits = tuple(order for order in self.edits if order["collection"] != "roles")
        return twin


def add(collection: str, **fields: Any) -> Order:
    """An order that makes something."""
    return {"collection": collection, "add": fields}


def gone(collection: str, **match: Any) -> Order:
    """An order that takes something away."""
    return {"collection": collection, "match": match, "delete": True}


def change(collection: str, match: Mapping[str, Any], **fields: Any) -> Order:
    """An order that changes something."""
    return {"collection": collection, "match": match, "set": fields}


class Accounts(Theme):
    """Roles and users."""

    owned = (("User", "alice"), ("User", "bob"), ("User", "carol"), ("Role", "r1"), ("Role", "r2"), ("Role", "r3"))
    edits = (
        gone("users", name="alice"), add("users", name="alice", email="human@b.c", roles=["r1"]),
        change("users", {"name": "alice"}, email="edited@b.c"),
        change("users", {"name": "bob"}, roles=["administrator"]),
        gone("users", name="carol"), add("users", name="carol", roles=["r2"]), add("users", name="zoe"),
        gone("roles", name="r1"), gone("roles", name="r2"), add("roles", name="r1", rights=READ),
        change("roles", {"name": "r1"}, rights={"roles": ["read"]}), add("roles", name="r2", rights={}),
        change("users", {"name": "carol"}, description="by hand"),
    )  # fmt: skip

    def documents(self, tape: Tape) -> list[str]:
        roles = [name for name in ("r1", "r2") if not tape.rarely(35)]
        found = [
            role(name, tape.pick((READ, READ, {"users": ["read", "write"]})), **tape.pick(MARKS)) for name in roles
        ]
        for name in ("alice", "bob", "carol"):
            if not tape.rarely(40):
                held = tape.some(roles, 60) or ["administrator"]
                email = tape.pick(("a@b.c", "a@b.c", "x@y.z"))
                found.append(user(name, *held, annotations=tape.pick(MARKS), email=email))
        if tape.rarely(4):
            # A document for the account that we run as, which must never be taken away.
            found.append(user("admin", "administrator", annotations={"adopt": "enabled"}, email="new@b.c"))
        return found or [role("r1", READ)]

    def live(self, tape: Tape) -> list[Order]:
        roles = [name for name in ("r1", "r2", "r3") if tape.rarely(50)]
        found = [add("roles", name=name, rights=tape.pick((READ, {}))) for name in roles]
        return found + [
            add("users", name=name, email=tape.pick(("a@b.c", "old@b.c")), roles=tape.some(roles, 50))
            for name in ("alice", "bob", "carol")
            if tape.rarely(50)
        ]


TYPES = ("datalake", "warehouse", "caching", "broker", "filestorage")
VERSIONS = ("5.15.0", "5.16.0")


def _place(type: str) -> dict[str, Any]:
    return {"host": f"{type}.internal", "port": 1000 + TYPES.index(type)}


def _service(type: str, **more: Any) -> str:
    key = (
        {"connection_key": {"secret": "key"}} if type == "filestorage" else {"password": {"secret": "pw"}, "user": "u"}
    )
    return service(type, **{"type": type, **_place(type), **key, **more})


INSTANCE = {"type": "ometascan", "version": VERSIONS[0], "installer_id": "by hand", "license_id": "",
            "config": {"log_level": "info", "connection_per_file_service": 4}}  # fmt: skip


class Machines(Theme):
    """Services, workers, and what is deployed on them."""

    owned = (
        ("Worker", "w1"), ("Worker", "w2"), ("Deployment", "w1"), ("Deployment", "w2"), ("Service", "caching"),
        ("Service", "broker"), ("Worker", "w3"), ("Deployment", "w3"),
    )  # fmt: skip
    edits = (
        gone("workers", display_name="w1"), add("workers", display_name="w2", host="w2", port=8893),
        change("workers", {"display_name": "w1"}, status="Available", instance=None),
        change("workers", {"display_name": "w3"}, status="Deployed", instance=INSTANCE),
        change("services", {"type": "caching"}, host="moved.internal"), gone("services", type="broker"),
        add("services", type="broker", display_name="broker", user="u", **_place("broker")),
        add("workers", display_name="w3", host="w3", port=8893),
        change("services", {"type": "caching"}, display_name="x"),
        change("workers", {"display_name": "w2"}, display_name="renamed"),
    )  # fmt: skip

    def documents(self, tape: Tape) -> list[str]:
        found = [_service(type) for type in tape.some(TYPES, 30)]
        if tape.rarely(20):
            found = [_service("caching", host=tape.pick(("new.internal", "caching.internal"))),
                     *(one for one in found if '"caching"' not in one)]  # fmt: skip
        workers = [name for name in ("w1", "w2", "w3") if not tape.rarely(35)]
        found += [worker(name, **({"port": 8894} if tape.rarely(7) else {})) for name in workers]
        used = [name for name in workers if not tape.rarely(30)]
        if used and not tape.rarely(25):
            more: dict[str, Any] = {"config": {"log_level": "debug"}} if tape.rarely(15) else {}
            found.append(deployment("cores", *used, version=tape.pick(VERSIONS), **more))
        return found or [worker("w1")]

    def live(self, tape: Tape) -> list[Order]:
        found = [add("installers", name=f"ometascan-{one}-1-x64.msi", checksum=one[2] * 63 + one[3], size=1)
                 for one in VERSIONS]  # fmt: skip
        missing = tape.some(TYPES, 12)
        found += [add("services", type=type, display_name=type, user="u", **_place(type))
                  for type in TYPES if type not in missing]  # fmt: skip
        for name in ("w1", "w2", "w3"):
            if tape.rarely(45):
                found.append(add("workers", display_name=name, host=name, port=8893))
                if not missing and tape.rarely(50):
                    found.append(change("workers", {"display_name": name}, status="Deployed", instance=_instance(tape)))
        return found


def _instance(tape: Tape) -> dict[str, Any]:
    return {**INSTANCE, "version": tape.pick(VERSIONS)}


class Settings(Theme):
    """Settings of the product, with a few users whose sessions they may end."""

    owned = (("User", "alice"),)
    edits = (
        change("settings", {"name": "session"}, sessionTimeout=1_000_000),
        change("settings", {"name": "sessioncookie"}, samesite="None"),
        change("settings", {"name": "auditlog"}, cleanuprange=1),
        change("settings", {"name": "servicesetting"}, max_replica=7),
        gone("users", name="alice"),
    )

    def documents(self, tape: Tape) -> list[str]:
        found = [doc("Session", "s", {"sessionTimeout": tape.pick((600_000, 900_000)), "allowDuplicateSession": True})]
        if not tape.rarely(30):
            found.append(doc("SessionCookie", "c", {"samesite": tape.pick(("Strict", "Lax"))}))
        if not tape.rarely(30):
            found.append(
                doc("Cleanup", "r", {"auditlog": tape.pick((168, 24, 720)), "warehouse": tape.pick((2160, 0))})
            )
        if not tape.rarely(50):
            found.append(doc("ServiceSetting", "filestorage", {"max_replica": tape.pick((2, 1, 3)), "min_replica": 1}))
        return [*found, user("alice", "administrator")] if tape.rarely(40) else found

    def live(self, tape: Tape) -> list[Order]:
        found = [add("services", type="filestorage", display_name="filestorage", **_place("filestorage"))]
        return found + ([add("users", name="alice")] if tape.rarely(50) else [])


ACCOUNTS, MACHINES, SETTINGS = Accounts(), Machines(), Settings()
