"""No self-lockout: built-ins, our own user and its roles, and the last administrator always survive."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from reconciler.model import Key, LiveObject
from reconciler.steps import Action, Step
from reconciler.systems.draft import Draft, Rule, make_step

ADMIN_ROLES = frozenset({"administrator", "administrators", "admin"})


class Protected(Rule):
    """Hold back whatever takes away an account or a role that must not go."""

    name = "protected"
    source = "DELETE /admin/user, /admin/role: nobody could log in to put it right again"

    def hold(self, draft: Draft) -> None:
        going = [step for kind in ("User", "Role") for step in draft.of(kind, Action.DELETE, Action.REPLACE)]
        if not going:
            return
        mine, last = [user for user in draft.view.live("User") if user.facts["is_self"]], _last_admins(draft)
        for step in going:
            why = _why(step, mine, last)
            if why is not None:
                draft.block(step, self.name, why, "change it by hand in the console, if it must be")


def _why(step: Step, mine: list[LiveObject], last: Collection[Key]) -> str | None:
    live = step.live
    assert live is not None
    if live.facts.get("builtin"):
        return "it is built in"
    if not mine:
        return "we can't tell which user we are ourselves, so no user and no role is taken away"
    if live.facts.get("is_self"):
        return "it is the user that the reconciler runs as"
    if step.kind == "Role":
        held = any(live.name in user.fields.get("roles", ()) for user in mine)
        return "the user that the reconciler runs as holds it" if held else None
    return "no administrator would be left" if live.key in last else None


def _last_admins(draft: Draft) -> Collection[Key]:
    """All administrators, if not one of them would be left."""
    builtin = {role.name for role in draft.view.live("Role") if role.facts.get("builtin")}
    admins = [user for user in draft.view.live("User") if _can_log_in(user) and _is_admin(builtin, user)]
    return {user.key for user in admins} if all(_goes(draft, user) for user in admins) else ()


def _can_log_in(user: LiveObject) -> bool:
    """The product's own users hold the administrator's role, too, and nobody has their passwords."""
    return bool(user.fields["directory"] != "SYSTEM")


def _is_admin(builtin: set[str], user: LiveObject) -> bool:
    roles = set(user.fields.get("roles", ()))
    return bool(roles & builtin) or any(role.lower() in ADMIN_ROLES for role in roles)


def _goes(draft: Draft, user: LiveObject) -> bool:
    step = draft.touching(user.key)
    stays = user.facts["builtin"] or user.facts["is_self"]
    return step is not None and step.action in (Action.DELETE, Action.REPLACE) and not stays


class RoleInUse(Rule):
    """A held role can't be deleted, so replacing it replaces its holders too, all together or not at all."""

    name = "role-in-use"
    source = "DELETE /admin/role/{role_id} refuses while users hold it"

    def expand(self, draft: Draft) -> None:
        for step in draft.of("Role", Action.REPLACE):
            if not draft.is_free(step) or not draft.policy.allows("replace"):
                continue
            assert step.live is not None
            group = f"role/{step.live.name}"
            holders = [user for user in draft.view.live("User") if step.live.name in user.fields.get("roles", ())]
            if holders:
                self._join(draft, step, group, holders)

    def _join(self, draft: Draft, step: Step, group: str, holders: list[LiveObject]) -> None:
        grouped = replace(step, group=group)
        draft.put(grouped)
        for user in holders:
            other = draft.touching(user.key)
            if other is not None and other.action.takes_down:
                draft.put(replace(other, group=other.group or group))
            elif draft.view.item_of(user) is None:
                remedy = f"declare User/{user.name}, or take the role from it"
                draft.block(grouped, self.name, f"{user.name} holds it and isn't declared", remedy)
            else:
                _replace_holder(draft, user, other, group)


def _replace_holder(draft: Draft, user: LiveObject, other: Step | None, group: str) -> None:
    item = draft.view.item_of(user)
    assert item is not None
    if other is not None:
        draft.drop(other)
    draft.unchanged.pop(item.key, None)
    reason = "it holds a role that is replaced, and a held role can't be deleted"
    changes = other.changes if other is not None else ()
    draft.add(make_step(draft.view, Action.REPLACE, item, user, changes=changes, reason=reason, group=group))
