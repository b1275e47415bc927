"""A state machine that walks through one world: where a failing walk is to be short, this shrinks step by step.

The schedules of ``test_schedules`` are a hundred times as many; here, the order of what happens is free.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from reconciler.policy import Policy
from tests.machine.figures import times
from tests.machine.schedules import ACCOUNTS, MACHINES, SETTINGS, Tape
from tests.machine.wire import FAULTS, Edit, Fault
from tests.machine.world import World

tapes = st.binary(min_size=40, max_size=40).map(Tape)
faults = st.builds(
    Fault,
    st.sampled_from(FAULTS),
    st.sampled_from(("any", "read", "write")),
    st.integers(1, 9),
    st.integers(1, 3),
)


class Walk(RuleBasedStateMachine):
    """Documents change, humans edit, passes meet faults and crashes, in any order."""

    @initialize(theme=st.sampled_from((ACCOUNTS, MACHINES, SETTINGS)), tape=tapes)
    def begin(self, theme: object, tape: Tape) -> None:
        self.theme = {id(one): one for one in (ACCOUNTS, MACHINES, SETTINGS)}[id(theme)]
        live = self.theme.live(tape)
        policy = Policy(prune=True, allow=frozenset({"replace", "redeploy"}))
        self.world = World(self.theme.documents(tape), live=live, ours=tape.some(self.theme.owned, 60), policy=policy)

    @rule(tape=tapes)
    def documents_change(self, tape: Tape) -> None:
        self.world.pass_(self.theme.documents(tape))

    @rule(number=st.integers(0, 20))
    def a_human_edits(self, number: int) -> None:
        self.world.edit(self.theme.edits[number % len(self.theme.edits)])

    @rule(fault=faults, number=st.integers(0, 20), nth=st.integers(1, 9))
    def a_pass_meets(self, fault: Fault, number: int, nth: int) -> None:
        edit = Edit(self.theme.edits[number % len(self.theme.edits)], "write", nth)
        self.world.pass_(faults=[fault], edits=[edit])

    @rule(point=st.integers(1, 120))
    def a_pass_is_killed(self, point: int) -> None:
        self.world.pass_(crash=point)

    @rule(hours=st.integers(1, 30))
    def time_goes_by(self, hours: int) -> None:
        self.world.wait(3600 * hours)

    @invariant()
    def the_invariants_hold(self) -> None:
        world = getattr(self, "world", None)
        assert world is None or not world.violations(), world.story()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.calm_down()
            self.the_invariants_hold()


def test_any_walk() -> None:
    steps = settings(max_examples=times(10, 100), stateful_step_count=8, deadline=None, database=None)
    run_state_machine_as_test(Walk, settings=steps)
