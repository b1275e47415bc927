"""A daemon's HTTP side that plans for real: against the Control Center of a desk, with the desk's state and secrets."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.daemon.state import TargetState
from reconciler.model import SourceFile
from reconciler.opening import opened
from reconciler.reconcile import decide
from reconciler.secret import Secret
from reconciler.secrets import Snapshot
from reconciler.settings import Claim, Target
from reconciler.sources import Tree
from reconciler.steps import Plan
from reconciler.systems.registry import default_system
from reconciler.trees import load_shares
from tests.e2e.kit import PASSWORD, Desk
from tests.web.control import MemoryControl


class PlanningControl(MemoryControl):
    """One target, ``default``: what the desk's variables describe."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._targets = {"default": TargetState("default", "metadefender", desk.center.url)}

    async def plan(self, files: Sequence[SourceFile], targets: Sequence[str] = ()) -> list[Plan]:
        self.asked.append(("plan", tuple(file.name for file in files), tuple(targets)))
        target = self._target()
        tree = Tree(tuple(files), str(self.desk.folder / "nowhere"), None)
        (loaded,) = load_shares(tree, [target], [Claim("default", target.system.api_version)])
        async with opened(target, loaded) as case:
            return [(await decide(case)).plan]

    def _target(self) -> Target:
        return Target(
            name="default",
            system=default_system(),
            url=self.desk.center.url,
            credentials={"user": Secret("admin"), "password": Secret(PASSWORD)},
            state=self.desk.env["RECONCILER_STATE"],
            secrets=Snapshot.take(self.desk.secrets, {}),
        )
