"""One pass: look, decide, act, remember. Everything that a pass needs to know is in its ``Case``."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from reconciler.api import Client
from reconciler.errors import InputError, MissingSecret, PlanRefused
from reconciler.load.suggest import suggest
from reconciler.memory import Memory
from reconciler.model import Desired, FileFacts, Ref
from reconciler.observe import needed, observe
from reconciler.plan import make_plan
from reconciler.plan.forecast import METHODS
from reconciler.policy import Policy
from reconciler.secret import Keyring, Seal, Secret
from reconciler.settle import as_settled, settle_open, tidy, vanished
from reconciler.steps import APPROVABLE, INTERRUPTED, Outcome, Plan, Report, Status, Verdict
from reconciler.store.records import PassStart
from reconciler.systems.base import System
from reconciler.systems.view import View
from reconciler.timing import ANY_TIME, Timing

if TYPE_CHECKING:
    from reconciler.execute import Listener, Options
    from reconciler.store import Store
    from reconciler.store.glance import Looks


class Case(Struct, frozen=True):
    """One target as one pass sees it. ``store`` None: the state isn't opened, so nothing is owned; but for a case that
    only reads, which may have a ``glance`` instead.

    ``values`` are the secrets with a value here, of those that documents name; ``files`` the files at hand. ``mode``
    is what history calls the pass, ``approved`` holds the digests of plans that may go over the budget.
    """

    target: str
    system: System
    url: str
    desired: Desired
    client: Client
    store: Store | None = None
    policy: Policy = field(default_factory=Policy)
    values: Mapping[str, Secret] = field(default_factory=dict)
    keyring: Keyring | None = None
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    own_user: str | None = None
    own_key: Secret | None = None
    revision: str | None = None
    mode: str = "apply"
    timing: Timing = ANY_TIME
    approved: Collection[str] = ()
    glance: Looks | None = None

    async def memory(self) -> Memory:
        """What is remembered now. Raises StateError."""
        looks = self.store or self.glance
        return await looks.look(time.time()) if looks is not None else Memory()

    @property
    def seal(self) -> Seal:
        return Seal(self.target, self.keyring, self.own_key)


class Decision(Struct, frozen=True):
    """A plan, what it was made from, and when the live side was read (monotonic seconds).

    ``approval`` is the digest that somebody had agreed to, where the plan needed that.
    """

    plan: Plan
    view: View
    read_at: float
    approval: str | None = None


async def decide(case: Case, *, settle: bool = False) -> Decision:
    """Look and plan; sends nothing but reads. Raises ApiError, InvalidTree, InputError for an empty tree.

    ``settle``: what an earlier run has left open is settled in the state, too, and not for this plan only.
    """
    require_documents(case.desired)
    if settle and case.store is not None:
        # What a holder that vanished has sent may still arrive: its entries are judged by a look after that.
        await asyncio.sleep(max(0.0, case.store.settle_after - time.monotonic()))
        case.store.waited()
    read_at = time.monotonic()
    view = await look(case)
    if settle and view.memory.open and case.store is not None:
        await settle_open(view, case.store)
        view = _view(case, await case.store.look(time.time()), view.collections)
    view = as_settled(view)
    require_known(case.policy, view)
    plan = _planned(case, view)
    if not plan.approvable or plan.digest not in case.approved:
        return Decision(plan, view, read_at)
    lifted = {one.step.id for one in plan.blocked if one.rule in APPROVABLE}
    approved = _planned(case, view, approved=True)
    # What the moment holds back isn't done now, and so the approval isn't used up.
    used = any(step.id in lifted for step in approved.steps)
    return Decision(approved, view, read_at, approval=plan.digest if used else None)


def require_documents(desired: Desired) -> None:
    """Refuse an empty tree: a wrong path looks just like it."""
    if not desired.resources:
        raise InputError(
            "the desired state is empty, and an empty tree is never applied",
            remedy="check the path; to delete what is left, remove documents step by step, with --prune",
        )


def _planned(case: Case, view: View, *, approved: bool = False) -> Plan:
    return make_plan(view, case.policy, url=case.url, revision=case.revision, timing=case.timing, approved=approved)


def require_known(policy: Policy, view: View) -> None:
    """Refuse an ``--only`` that nothing answers to: it would look as if there were nothing to do."""
    if not policy.only:
        return
    known = set(view.desired.resources) | {Ref(one.kind, one.name) for one in view.memory.owned.values()}
    known |= {Ref(item.kind, item.name) for kind in {ref.kind for ref in known} for item in view.items(kind)}
    for ref in sorted(policy.only - known):
        raise InputError(
            f"--only {ref}: no document and no object of ours is called that",
            remedy=suggest(str(ref), map(str, known)).strip() or "it takes KIND/NAME, as in User/alice",
        )


async def look(case: Case) -> View:
    """The live side beside what is remembered of it; what has vanished is looked for twice."""
    memory = await case.memory()
    found = await observe(case.client, case.system, needed(case.system, case.desired, memory), case.seal)
    view = _view(case, memory, found)
    gone = vanished(view)
    if gone:
        names = {name for kind in {key[0] for key in gone} for name in case.system.kinds[kind].reads}
        again = await observe(case.client, case.system, sorted(names), case.seal)
        view = _view(case, memory, {**found, **again})
    return view


def _view(case: Case, memory: Memory, found: Mapping[str, Any]) -> View:
    return View(
        system=case.system,
        target=case.target,
        desired=case.desired,
        collections=found,
        memory=replace(memory, owned=dict(memory.owned)),
        values=case.values,
        keyring=case.keyring,
        files=case.files,
        own_user=case.own_user,
    )


async def carry_out(
    case: Case,
    decision: Decision,
    options: Options,
    tell: Listener | None = None,
    *,
    expected: str | None = None,
    on_scheduler: Any = None,
) -> Report:
    """Do it. Raises PlanRefused when ``expected`` (a digest) is another plan's, MissingSecret before any write."""
    from reconciler import execute  # noqa: PLC0415 - a plan needs nothing of it

    assert case.store is not None
    plan, store = decision.plan, case.store
    require_carriable(case, plan, expected)
    started = time.monotonic()
    pass_id = await store.begin_pass(PassStart(time.time(), case.mode, case.revision, plan.digest))
    await tidy(decision.view, store)
    looker = execute.Looker(case.client, decision.view, case.seal, decision.read_at)
    scheduler = execute.Scheduler(plan, case.client, looker, store, pass_id, options, tell or execute.nobody)
    if on_scheduler is not None:
        on_scheduler(scheduler)
    outcomes = await scheduler.run()
    report = _report(plan, outcomes, case, time.monotonic() - started)
    await store.end_pass(pass_id, report.verdict, plan.summary, _lines(report))
    return report


def require_carriable(case: Case, plan: Plan, expected: str | None) -> None:
    """Refuse, before anything is asked or written, another plan than the ``expected`` one, and missing secrets."""
    if expected is not None and expected != plan.digest:
        raise PlanRefused(
            "the saved plan is no longer what would be done: the live side, the documents or the flags have changed",
            remedy="look at a new plan, and apply that one",
        )
    require_secrets(plan, case)


def require_secrets(plan: Plan, case: Case) -> None:
    """Refuse, before anything is written, a plan that would have to send a secret that isn't here."""
    named: dict[str, str] = {}
    for step in plan.steps:
        for target in step.targets:
            if target.item is not None:
                for name in target.item.resource.secrets:
                    named.setdefault(name, str(target.item.resource.ref))
    missing = sorted(set(named) - set(case.values))
    if missing:
        listed = ", ".join(f"{name} (for {named[name]})" for name in missing)
        raise MissingSecret(
            f"no value for {'the secret' if len(missing) == 1 else 'these secrets'}: {listed}",
            remedy="put it into the secrets directory under that name, or into RECONCILER_SECRET_<NAME>",
        )


def verdict(plan: Plan, outcomes: Mapping[str, Outcome]) -> Verdict:
    """How a pass ended: the worst first. What was skipped waits for what failed, isn't settled yet, or was stopped."""
    found = {outcome.status for outcome in outcomes.values()}
    if found & {Status.FAILED, Status.UNKNOWN}:
        return Verdict.FAILED
    if Status.PROGRESSING in found:
        return Verdict.PROGRESSING
    if Status.SKIPPED in found:
        stopped = any(outcome.error == INTERRUPTED for outcome in outcomes.values())
        return Verdict.PROGRESSING if stopped else Verdict.FAILED
    return Verdict.BLOCKED if plan.blocked else Verdict.CONVERGED


def _report(plan: Plan, outcomes: Mapping[str, Outcome], case: Case, seconds: float) -> Report:
    """``calls`` counts what the plan forecast: the first reads and the writes; all else is apart."""
    calls = case.client.calls
    first, extra = Counter(calls.first), Counter(calls.extra)
    first["POST"] -= sum(calls.by_operation[name] for name in ("login", "logout"))
    later = max(0, first["GET"] - plan.calls["GET"])
    first["GET"] -= later
    extra["GET"] += later
    return Report(
        plan,
        dict(outcomes),
        verdict(plan, outcomes),
        {method: first[method] for method in METHODS},
        {method: extra[method] for method in METHODS},
        seconds,
    )


def _lines(report: Report) -> list[dict[str, Any]]:
    return [
        {"step": id, "status": outcome.status.value, "error": outcome.error} for id, outcome in report.outcomes.items()
    ]
