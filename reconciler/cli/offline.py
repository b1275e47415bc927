"""``plan --offline FILE``: a plan against a recorded live state, with no credential, no state and no socket."""

from __future__ import annotations

import os
import stat

from msgspec.structs import replace

from reconciler.errors import InputError
from reconciler.plan import make_plan
from reconciler.policy import Policy
from reconciler.reconcile import require_documents, require_known
from reconciler.recording import MAX_BYTES, Recording, loads, memory_of, replayed
from reconciler.settings import Claim, Target, Where, chosen_of, claims, config_of, described, variable
from reconciler.steps import Plan
from reconciler.systems.registry import system_named
from reconciler.systems.view import View
from reconciler.trees import Loaded, load_for

REMEDY = "make one of the right target with `reconciler observe --out FILE`"


def offline_plans(path: str, where: Where, wishes: Policy, recording: str) -> list[Plan]:
    """One plan a target, in the configuration's order. Raises InputError, InvalidTree."""
    found = _read(recording)
    config = config_of(where)
    if config is None:
        target = _recorded_target(where, wishes, found)
        chosen, everyone = [target], [Claim(target.name, target.system.api_version)]
    else:
        chosen = [described(one, config, where, wishes) for one in chosen_of(config, where)]
        everyone = claims(where)
    pairs = [(target, _of(target, found)) for target in chosen]
    loaded = load_for(path, chosen, everyone)
    return [_plan(target, share, one) for (target, one), share in zip(pairs, loaded, strict=True)]


def _plan(target: Target, loaded: Loaded, recording: Recording) -> Plan:
    require_documents(loaded.desired)
    view = View(
        system=target.system,
        target=target.name,
        desired=loaded.desired,
        collections={
            name: replayed(one, recording.collections.get(name)) for name, one in target.system.collections.items()
        },
        memory=memory_of(recording),
        files=loaded.files,
        own_user=recording.user,
    )
    require_known(target.policy, view)
    plan = make_plan(view, target.policy, url=target.url, revision=loaded.tree.revision)
    return replace(plan, recorded=recording.at)


def _read(path: str) -> list[Recording]:
    """The recordings of a file, of which never more is read than may be there."""
    try:
        # Opening a pipe would wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError(f"{path} is no file", remedy=REMEDY)
            return loads(file.read(MAX_BYTES + 1), path)
    except OSError as error:
        raise InputError(f"the recording {path} can't be read: {error.strerror}", remedy=REMEDY) from None


def _recorded_target(where: Where, wishes: Policy, found: list[Recording]) -> Target:
    """Without a configuration: the one target that was recorded, which flags and variables mustn't contradict."""
    if len(found) > 1:
        names = ", ".join(one.target for one in found)
        remedy = "give the --config that describes them"
        raise InputError(f"the recording holds several targets: {names}", remedy=remedy)
    one = found[0]
    name = where.system or variable(os.environ, "SYSTEM") or one.system
    url = where.url or variable(os.environ, "URL") or one.url
    return Target(
        name=one.target,
        system=system_named(name),
        url=url,
        credentials={},
        installers=variable(os.environ, "INSTALLERS"),
        policy=wishes,
    )


def _of(target: Target, found: list[Recording]) -> Recording:
    one = next((one for one in found if one.target == target.name), None)
    if one is None:
        names = ", ".join(one.target for one in found)
        raise InputError(f"the recording holds no target {target.name!r}", remedy=f"it holds {names}; {REMEDY}")
    if (one.system, one.url.rstrip("/")) != (target.system.name, target.url.rstrip("/")):
        raise InputError(
            f"the recording is of {one.url} ({one.system}), and the target {target.name} is {target.url} "
            f"({target.system.name})",
            remedy=REMEDY,
        )
    return one
