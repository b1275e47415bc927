"""Plans and reports as a cluster's operator meets them, and others as nobody wants to."""

from __future__ import annotations

from typing import Any

from reconciler.secret import SecretRef
from reconciler.steps import (
    Action,
    Change,
    HeldBack,
    Move,
    Outcome,
    Plan,
    Report,
    Status,
    Step,
    Unknown,
    Verdict,
)

DIGEST = "sha256:" + "5f70bf18a0860070" * 4
LINEAGE = "0b9c7d5e-6f0a-4b8e-9d53-3a1f5c2e7b10"
REVISION = "9c1185a5c5e9fc54612808977ee8f548b2258d31"
ESSENTIAL = ("broker", "cache", "datalake", "files", "warehouse")


def step(action: Action, kind: str, name: str, *changes: Change, **more: Any) -> Step:
    """A step with its id made as the planner makes it."""
    return Step(f"{action.value}/{kind}/{name}", action, kind, name, (), changes, **more)


def plan(*steps: Step, **more: Any) -> Plan:
    """A plan of the steps, everything else as usual."""
    given: dict[str, Any] = {
        "target": "prod",
        "system": "metadefender",
        "url": "https://control-center.example:8892",
        "lineage": LINEAGE,
        "revision": REVISION,
        "moves": (),
        "blocked": (),
        "held": (),
        "unknown": (),
        "warnings": (),
        "unchanged": 27,
        "calls": {"GET": 9, "POST": 0, "PUT": 0, "DELETE": 0},
        "digest": DIGEST,
    }
    return Plan(steps=steps, **given | more)


ROLE = step(
    Action.CREATE,
    "Role",
    "soc-analyst",
    Change("/display_name", None, "SOC analyst"),
    Change("/rights", None, {"scan": ["read", "write"], "audit": ["read"], "agents": []}),
    reason="declared and not there",
)
USER = step(
    Action.CREATE,
    "User",
    "bob",
    Change("/display_name", None, "Bob Okafor"),
    Change("/email", None, "bob@example.com"),
    Change("/directory", None, "LOCAL"),
    Change("/roles", None, ["soc-analyst"]),
    Change("/password", None, SecretRef("bob-password")),
    reason="declared and not there",
    after=("create/Role/soc-analyst",),
)
REPLACED = step(
    Action.REPLACE,
    "User",
    "alice",
    Change("/email", "alice@old.example", "alice@example.com"),
    Change("/roles", ["operator"], ["operator", "soc-analyst"]),
    Change("/password", "(secret)", "(secret, changed)"),
    reason="users have no update: deleted and created anew",
    destructive=True,
    disruptive=True,
    after=("create/Role/soc-analyst",),
    notes=("the generated api_key is lost",),
)
CLEANUP = step(
    Action.UPDATE,
    "Cleanup",
    "retention",
    Change("/auditlog", 2160, 720),
    Change("/scanhistory", 0, 168),
    reason="a shorter retention deletes what is older",
    destructive=True,
)
SERVICE = step(
    Action.UPDATE,
    "ServiceSetting",
    "filestorage",
    Change("/max_replica", 2, 3),
    Change(
        "/storage",
        {"type": "local", "config": {"path": "/data", "quota": 512}},
        {
            "type": "s3",
            "config": {"bucket": "scans-eu-central", "endpoint": "https://s3.eu-central-1.example/", "quota": 512},
        },
    ),
    reason="differs from the document",
)
WORKER = step(
    Action.DELETE,
    "Worker",
    "worker-9",
    Change("/host", "10.0.4.19", None),
    Change("/port", 8893, None),
    reason="owned and no longer declared",
    destructive=True,
    after=("redeploy/Deployment/cores/worker-1#down",),
)
UPGRADES = tuple(
    step(
        Action.UPGRADE,
        "Deployment",
        f"engines/worker-{number}",
        Change("/version", "2.4.1", "2.5.0"),
        reason="the document names a newer version",
        disruptive=True,
        after=("create/Installer/engine-2.5.0", *(f"update/Service/{name}" for name in ESSENTIAL)),
    )
    for number in (1, 2)
)
REDEPLOYED = step(
    Action.REDEPLOY,
    "Deployment",
    "cores/worker-1",
    Change("/config/log_level", "info", "debug"),
    reason="the configuration can't be changed in place",
    disruptive=True,
    group="redeploy",
)
INSTALLER = step(
    Action.CREATE,
    "Installer",
    "engine-2.5.0",
    Change("/file", None, "installers/engine-2.5.0.tar.gz"),
    Change("/sha256", None, "ab" * 32),
    reason="declared and not uploaded",
)
DEPLOYED = step(
    Action.UPDATE,
    "User",
    "carol",
    Change("/roles", [f"team-{number:02}" for number in range(12)], [f"team-{number:02}" for number in range(1, 14)]),
    Change(
        "/description",
        "On call in the first week",
        "On call in every week, by turns with the people of the second shift",
    ),
    reason="differs from the document",
)
BLOCKED = HeldBack(
    step(Action.UPDATE, "Service", "cache", Change("/port", 6379, 6380)),
    "service-frozen-after-deploy",
    "2 instances are deployed (cores/worker-1, engines/worker-1); a service can't be edited under them",
    "--allow redeploy undeploys them, edits the service and deploys them again",
)
FROZEN = HeldBack(
    step(Action.DELETE, "Service", "broker-old", Change("/host", "10.0.4.3", None)),
    BLOCKED.rule,
    BLOCKED.reason,
    BLOCKED.remedy,
)
HELD = HeldBack(
    step(Action.DELETE, "Role", "legacy"),
    "prune-disabled",
    "its document said reconciler/prune: disabled",
    "delete it by hand, or: reconciler forget Role legacy",
)
STEPS = (ROLE, INSTALLER, USER, DEPLOYED, REPLACED, CLEANUP, SERVICE, *UPGRADES, REDEPLOYED, WORKER)


def moves(steps: tuple[Step, ...]) -> tuple[Move, ...]:
    """The moves of the steps, two where a step has two phases."""
    found: list[Move] = []
    for one in steps:
        if one.action.two_phased:
            found += [
                Move(f"{one.id}#down", one.id, True, frozenset(one.after)),
                Move(
                    f"{one.id}#up",
                    one.id,
                    False,
                    frozenset({f"{one.id}#down"}),
                    frozenset({"update/Cleanup/retention"}),
                ),
            ]
        else:
            found.append(Move(one.id, one.id, one.action is Action.DELETE, frozenset(one.after)))
    return tuple(found)


FULL = plan(
    *STEPS,
    moves=moves(STEPS),
    blocked=(BLOCKED, FROZEN),
    held=(HELD,),
    unknown=(
        Unknown("Cleanup", "retention", ("/warehouse", "/filestorage"), "can't be read back; never sent from here"),
    ),
    warnings=("role names of 3 users can't be checked: GET /admin/role answered 405",),
    calls={"GET": 9, "POST": 7, "PUT": 3, "DELETE": 2},
)
EMPTY = plan()
ONLY_BLOCKED = plan(blocked=(BLOCKED,))
STATELESS = plan(ROLE, lineage=None, revision="main", moves=moves((ROLE,)))

CLOSED = "no maintenance window is open; the next one opens at 2026-11-28 02:00 UTC"
WAITING = plan(
    blocked=(
        HeldBack(
            CLEANUP,
            "budget",
            "1 destructive step after 20 in 24 hours, and a day may see 20",
            "look at each destructive step, then --allow deletions=1",
        ),
        HeldBack(
            USER,
            "quarantined",
            "failed 3 times in a row (400: e-mail address bob@example.com is taken); tried again at 10:30 UTC",
            "mend the cause; it is tried again by itself, at once if asked to",
        ),
    ),
    held=tuple(
        HeldBack(
            one,
            "outside-window",
            f"it stops what runs, and {CLOSED}",
            "wait for a window",
        )
        for one in (*UPGRADES, REDEPLOYED)
    ),
)
"""A daemon's plan at the wrong moment: nothing can be done, and what could be approved is among it."""


def many(number: int) -> Plan:
    """A new cluster's users, all at once, with a few steps among them that nobody may overlook."""
    users = tuple(
        step(
            Action.CREATE,
            "User",
            f"user-{index:05}",
            Change("/display_name", None, f"User number {index}"),
            Change("/email", None, f"user-{index:05}@example.com"),
            Change("/roles", None, ["soc-analyst"]),
            reason="declared and not there",
            after=("create/Role/soc-analyst",),
        )
        for index in range(number)
    )
    steps = (ROLE, *users, CLEANUP, WORKER)
    return plan(*steps, moves=moves(steps), blocked=(BLOCKED,))


REPORT = Report(
    FULL,
    {
        ROLE.id: Outcome(ROLE.id, Status.DONE, seconds=0.21),
        INSTALLER.id: Outcome(INSTALLER.id, Status.DONE, seconds=187.4, attempts=2),
        USER.id: Outcome(USER.id, Status.FAILED, "400: e-mail address bob@example.com is taken", seconds=0.34),
        DEPLOYED.id: Outcome(DEPLOYED.id, Status.DONE, seconds=0.18),
        REPLACED.id: Outcome(REPLACED.id, Status.UNKNOWN, "no answer within 30 s; may or may not be done", 3, 31.7),
        CLEANUP.id: Outcome(CLEANUP.id, Status.DONE, seconds=0.09),
        SERVICE.id: Outcome(SERVICE.id, Status.DONE, seconds=0.4),
        UPGRADES[0].id: Outcome(UPGRADES[0].id, Status.PROGRESSING, seconds=60),
        UPGRADES[1].id: Outcome(UPGRADES[1].id, Status.PROGRESSING, seconds=60),
        REDEPLOYED.id: Outcome(REDEPLOYED.id, Status.SKIPPED, "waits for User/alice, which is unknown", attempts=0),
    },
    Verdict.FAILED,
    {"GET": 11, "POST": 6, "PUT": 3, "DELETE": 1},
    {"polls": 12, "retries": 3},
    249.25,
)
CONVERGED = Report(
    STATELESS,
    {ROLE.id: Outcome(ROLE.id, Status.DONE, seconds=0.2)},
    Verdict.CONVERGED,
    {"GET": 3, "POST": 1},
    seconds=0.6,
)
NOTHING = Report(EMPTY, {}, Verdict.CONVERGED, {"GET": 9}, seconds=0.2)
