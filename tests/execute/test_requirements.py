"""What refuses a pass before anything is sent, and what one-way kinds never do."""

from __future__ import annotations

import pytest

from reconciler.errors import InputError, MissingSecret, PlanRefused
from reconciler.model import Ref
from reconciler.policy import Policy
from reconciler.reconcile import Case, require_carriable, require_documents, require_known
from reconciler.settle import settled_by_hand
from reconciler.store.records import EntryRecord
from reconciler.systems.base import Verb
from reconciler.systems.registry import systems
from tests.systems.kit import SYSTEM, URL, plan, user, view


def case(**more: object) -> Case:
    return Case("default", SYSTEM, URL, view(user("alice")).desired, None, **more)  # type: ignore[arg-type]


def test_an_empty_tree_is_refused() -> None:
    with pytest.raises(InputError, match="an empty tree is never applied"):
        require_documents(view().desired)


def test_a_name_that_nothing_answers_to_is_refused() -> None:
    with pytest.raises(InputError, match="--only User/alise"):
        require_known(Policy(only=frozenset({Ref("User", "alise")})), view(user("alice")))


def test_another_plan_and_a_secret_without_a_value_are_refused() -> None:
    seen = view(user("alice"))
    with pytest.raises(PlanRefused, match="no longer what would be done"):
        require_carriable(case(values=seen.values), plan(seen), "sha256:other")
    with pytest.raises(MissingSecret, match=r"no value for the secret: pw \(for User/alice\)"):
        require_carriable(case(), plan(seen), None)


@pytest.mark.parametrize("status", ["done", "refused", "not-done"])
def test_an_entry_is_settled_once(status: str) -> None:
    from unittest.mock import Mock

    record = Mock(EntryRecord, id=3, status=status, entry=Mock(objects=(), action="create", names=()))
    with pytest.raises(InputError, match=f"entry 3 is settled already: {status}"):
        settled_by_hand(SYSTEM, record, "done", ())


def test_what_can_not_be_looked_up_is_adopted_and_not_said_to_be_done() -> None:
    from unittest.mock import Mock

    system = systems()["brightriver"]
    (kind,) = system.kinds
    record = Mock(
        EntryRecord, id=3, status="open", entry=Mock(objects=((kind, ("f",)),), action="create", names=(f"{kind}/f",))
    )
    with pytest.raises(InputError, match="made once more"):
        settled_by_hand(system, record, "done", ())


def test_a_one_way_kind_is_never_looked_for_repeated_or_deleted() -> None:
    kinds = [kind for system in systems().values() for kind in system.kinds.values() if kind.one_way]
    assert kinds
    for kind in kinds:
        assert not kind.can_find(view())
        assert not kind.deletable
        assert not any(kind.repeatable(verb, view()) for verb in Verb)
        assert kind.happened(Verb.CREATE, None, view()) is None  # type: ignore[arg-type]
