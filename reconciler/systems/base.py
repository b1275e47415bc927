"""The contracts: what a system and a kind say about themselves, so that the engine needs to know neither."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import chain, count
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct, field
from pydantic import BaseModel, ConfigDict

from reconciler.errors import InputError
from reconciler.model import Desired, Identity, Item, Key, LiveObject, Path, Reference, Resource
from reconciler.secret import Seal, Secret
from reconciler.steps import Action
from reconciler.systems.auth import Auth
from reconciler.systems.health import HEALTHY, Condition
from reconciler.systems.view import View
from reconciler.wire import Flow, Request

if TYPE_CHECKING:
    from reconciler.systems.draft import Rule


class Spec(BaseModel):
    """A kind's ``spec``: strict types, no unknown field, never changed. A field left out is unmanaged."""

    # A kind whose documents nobody has needs no validator: those of all kinds take as long to make as a short command.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Verb(StrEnum):
    """What is done to one object by one call (a replacement is a delete, then a create)."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UPGRADE = "upgrade"


class Collection(Struct, frozen=True):
    """Something that one GET reads. ``fetch`` returns it parsed, or ``NotOffered``; raises ApiError.

    ``public`` are the fields that a recording may show to anybody, nested ones with slashes: what could hold a
    secret isn't among them.
    """

    name: str
    fetch: Callable[[Seal], Flow[Any]]
    public: frozenset[str] = frozenset()


class Work(Struct, frozen=True):
    """One object of one call: the move it belongs to, what is wanted, what is there, which fields differ."""

    move: str
    item: Item | None
    live: LiveObject | None
    changed: frozenset[str] = frozenset()

    @property
    def wanted(self) -> Mapping[str, Any]:
        """The wanted fields. Only for work that has an item."""
        assert self.item is not None
        return self.item.fields

    @property
    def id(self) -> str:
        """The live object's id. Only for work on what is there."""
        assert self.live is not None
        assert self.live.id is not None
        return self.live.id


class Said(StrEnum):
    """What the server's answer says about one object."""

    DONE = "done"
    REFUSED = "refused"
    UNCLEAR = "unclear"


class Result(Struct, frozen=True):
    """The answer for one object; ``id`` where the reply gave one, ``error`` in the server's words."""

    said: Said
    id: str | None = None
    error: str | None = None

    @classmethod
    def done(cls, id: str | None = None) -> Result:
        return cls(Said.DONE, id=id)

    @classmethod
    def refused(cls, error: str) -> Result:
        return cls(Said.REFUSED, error=error)

    @classmethod
    def unclear(cls, error: str) -> Result:
        return cls(Said.UNCLEAR, error=error)


class Waiting(Struct, frozen=True):
    """Not settled yet; ``text`` is the server's status word for it."""

    text: str


Results = Mapping[str, Result]
"""A result for each move of a call. A move that is missing counts as unclear."""


class Kind(ABC):
    """One kind of object: its spec, identity, fields, references, and how it is listed and changed. Pure.

    ``reads`` names the collections that judging it needs; ``shown_by`` those that :meth:`live` needs, where
    that is less. ``unread`` are fields that can't be read back; ``sealed`` ones come back as fingerprints (over
    the object's name, not its whole natural key). ``updatable`` are fields that change in place; any other
    changed field means a replacement. ``carried`` are fields that a replacement keeps when no document manages
    them; ``lost`` says in words what it can't keep. ``in_use`` is the rule that keeps a thing that others refer
    to. ``stable``: a document's natural key is the live one's, too. ``one_way``: what was acknowledged is
    remembered for good, and never sent again; ``second_tries``: how often a request without an answer is sent
    again, each time in a later pass; ``daily_only``: its destructive steps count in the budget of the day, not
    of the pass. ``veiled``: what the names of fields begin with whose live value is compared, but never shown.
    """

    name: ClassVar[str]
    spec: ClassVar[type[Spec]]
    summary: ClassVar[str]
    reads: ClassVar[tuple[str, ...]]
    shown_by: ClassVar[tuple[str, ...] | None] = None
    unread: ClassVar[frozenset[str]] = frozenset()
    sealed: ClassVar[frozenset[str]] = frozenset()
    updatable: ClassVar[frozenset[str]] = frozenset()
    carried: ClassVar[frozenset[str]] = frozenset()
    needed: ClassVar[frozenset[str]] = frozenset()
    lost: ClassVar[str | None] = None
    in_use: ClassVar[str | None] = None
    singleton: ClassVar[bool] = False
    stable: ClassVar[bool] = True
    deletable: ClassVar[bool] = True
    shrinks: ClassVar[bool] = False
    one_way: ClassVar[bool] = False
    second_tries: ClassVar[int] = 0
    daily_only: ClassVar[bool] = False
    veiled: ClassVar[tuple[str, ...]] = ()
    sends_unknown: ClassVar[bool] = False
    polls: ClassVar[str | None] = None
    replace_rule: ClassVar[str | None] = None

    # --- what documents say

    def check(self, resource: Resource) -> Iterable[tuple[Path, str]]:
        """What the model can't say about one spec: (path under ``spec``, one sentence)."""
        return ()

    def check_all(self, desired: Desired) -> Iterable[tuple[Resource, Path, str]]:
        """What concerns several documents at once."""
        return ()

    def references(self, resource: Resource) -> Iterable[Reference]:
        """Which other objects the document names; paths begin with ``spec``."""
        return ()

    def files(self, resource: Resource) -> Iterable[str]:
        """The files that the document names, relative to the tree's root."""
        return ()

    @abstractmethod
    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        """The objects that a document asks for."""

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        """The identities that a document claims, told without the live side; two claims of one are an error."""
        return ()

    def check_live(self, resource: Resource, view: View) -> Iterable[tuple[Path, str]]:
        """What only the live side shows to be wrong with one spec: (path under ``spec``, one sentence)."""
        return ()

    # --- what the server shows

    @abstractmethod
    def live(self, view: View) -> Iterable[LiveObject]:
        """The live objects, from the view's collections; called only when all of ``reads`` were read."""

    def match(self, items: Sequence[Item], view: View) -> Mapping[Identity, LiveObject]:
        """Which live object each declared one is."""
        index = view.live_index(self.name)
        return {item.identity: index[item.identity] for item in items if item.identity in index}

    def same(self, field: str, live: Any, wanted: Any) -> bool:
        """Whether a live value is the wanted one, although the two aren't equal: equal ones always are."""
        return bool(live == wanted)

    def updates(self, field: str) -> bool:
        """Whether a field can be changed in place."""
        return field.split("/", maxsplit=1)[0] in self.updatable

    def carries(self, field: str) -> bool:
        """Whether a replacement keeps a field that no document manages."""
        return field.split("/", maxsplit=1)[0] in self.carried

    def refers_to(self, live: LiveObject, view: View) -> Iterable[Key]:
        """Which live objects a live one uses."""
        return ()

    def item_refers_to(self, item: Item, view: View) -> Iterable[Key]:
        """Which objects an item uses: the declared ones that its document names, else the live ones."""
        for reference in item.resource.references:
            found = view.declared(reference.kind, reference.name) or view.live_named(reference.kind, reference.name)
            if found is not None:
                yield found.key

    def can_find(self, view: View) -> bool:
        """Whether an object's absence from the view means that it isn't there."""
        return True

    # --- what a difference means

    def decide(self, item: Item, live: LiveObject, changed: frozenset[str], view: View) -> tuple[Action, str]:
        """How a difference is put right, and why in that way."""
        fixed = sorted(name for name in changed if not self.updates(name))
        if not fixed:
            return Action.UPDATE, ""
        fields = ", ".join(fixed)
        return Action.REPLACE, f"{fields} can't be changed in place"

    def needs(self, action: Action, item: Item, live: LiveObject, changed: frozenset[str]) -> frozenset[str]:
        """The fields that the step can't do without although the live side doesn't show them."""
        return self.needed if action is Action.REPLACE else frozenset()

    def destructive(self, action: Action, item: Item | None, live: LiveObject | None, changed: frozenset[str]) -> bool:
        """Whether the step loses data or access."""
        return action.takes_down

    def disruptive(self, action: Action, item: Item | None, live: LiveObject | None, changed: frozenset[str]) -> bool:
        """Whether the step stops something that runs."""
        return False

    def condition(self, live: LiveObject) -> Condition:
        """How the object itself is, wanted or not."""
        return HEALTHY

    # --- how it is changed

    def batch(self, verb: Verb, work: Work) -> Hashable | None:
        """Works with an equal key that are ready together share a request; None: one request each."""
        return None

    def cost(self, verb: Verb, work: Work) -> Sequence[str]:
        """The methods of the writes that one call needs, for the forecast."""
        return {Verb.CREATE: ("POST",), Verb.UPDATE: ("PUT",), Verb.DELETE: ("DELETE",), Verb.UPGRADE: ("POST",)}[verb]

    def precondition(self, verb: Verb, work: Work, view: View) -> str | None:
        """What, seen right before the write, speaks against it."""
        return None

    def perform(self, verb: Verb, works: Sequence[Work], view: View) -> Flow[Results]:
        """Do it: one call for all works (only one, where :meth:`batch` says None)."""
        flows = {Verb.CREATE: self.create, Verb.UPDATE: self.update, Verb.DELETE: self.delete}
        result = yield from flows[verb](works[0], view)
        return {works[0].move: result}

    def create(self, work: Work, view: View) -> Flow[Result]:
        """Make the object."""
        raise NotImplementedError(f"{self.name} can't be created")

    def update(self, work: Work, view: View) -> Flow[Result]:
        """Change ``work.changed`` in place."""
        raise NotImplementedError(f"{self.name} can't be updated")

    def delete(self, work: Work, view: View) -> Flow[Result]:
        """Remove the object."""
        raise NotImplementedError(f"{self.name} can't be deleted")

    def settled(self, verb: Verb, work: Work, view: View) -> Result | Waiting:
        """Where the object stands after the call was acknowledged; polled while Waiting."""
        return Result.done()

    def happened(self, verb: Verb, work: Work, view: View) -> bool | None:
        """Whether a call that got no clear answer took effect; None: the live side can't tell."""
        found = view.live_index(self.name).get(_identity(work))
        if not self.can_find(view):
            return None
        if verb is Verb.DELETE:
            return found is None or (work.live is not None and found.id != work.live.id)
        if verb is Verb.CREATE or found is None:
            return found is not None
        shown = {name for name in work.changed if name in found.fields}
        return all(found.fields[name] == work.wanted[name] for name in shown) if shown else None

    def under_way(self, verb: Verb, work: Work, view: View) -> bool:
        """Whether the live side shows that what the call would begin has begun already, so that it isn't sent."""
        return False

    def repeatable(self, verb: Verb, view: View) -> bool:
        """Whether a call whose effect can't be seen may simply be sent again."""
        return verb is Verb.UPDATE

    def export(self, view: View) -> list[tuple[str, Mapping[str, Any]]]:
        """The documents that ask for what is live: (name, spec) pairs."""
        found = [(live.name, self.exports(live, view)) for live in view.live(self.name)]
        return [(name, spec) for name, spec in found if spec is not None]

    def exports(self, live: LiveObject, view: View) -> Mapping[str, Any] | None:
        """The spec of a document that asks for this live object; None leaves it out of an export."""
        return dict(live.fields)


def distinct(named: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Documents with names of their own, for kinds whose objects aren't known by the document's name."""
    taken: set[str] = set()
    found: list[tuple[str, Mapping[str, Any]]] = []
    for name, spec in named:
        free = next(one for one in chain([name], (f"{name}-{number}" for number in count(2))) if one not in taken)
        taken.add(free)
        found.append((free, spec))
    return found


def _identity(work: Work) -> Identity:
    return work.item.identity if work.item else work.live.identity if work.live else ()


class Assumption(Struct, frozen=True):
    """Something that the reference leaves open: its id (the emulator's switch, too), and what depends on it.

    ``look`` tells from a view what the server at hand does, None where GETs can't tell.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    if_wrong: str
    look: Callable[[View], str | None] = lambda view: None


class Imported(Struct, frozen=True):
    """One document made from a foreign file. A ``SecretRef`` in ``spec`` names a field of ``secrets``."""

    name: str
    spec: Mapping[str, Any]
    secrets: Mapping[str, Secret] = field(default_factory=dict)


class Importer(Struct, frozen=True):
    """A command that turns a file of the product's own into documents of one kind.

    ``read`` takes the file's plain data and yields each entry's place with its document, or with what is wrong.
    ``holds`` says in words what such a file is.
    """

    command: str
    kind: str
    summary: str
    holds: str
    read: Callable[[Any], Iterable[tuple[Path, Imported | str]]]


class System(ABC):
    """A managed system: its name, API version, kinds, collections, rules, and how one logs in."""

    name: ClassVar[str]
    api_version: ClassVar[str]
    title: ClassVar[str]
    is_default: ClassVar[bool] = False
    kinds: Mapping[str, Kind]
    collections: Mapping[str, Collection]
    rules: Sequence[Rule]
    assumptions: Sequence[Assumption] = ()
    credentials: ClassVar[tuple[tuple[str, ...], ...]] = ()
    importers: Sequence[Importer] = ()

    @abstractmethod
    def auth(self, credentials: Mapping[str, Secret]) -> Auth:
        """The login for these credentials. Raises InputError when they aren't a set that the system takes."""

    def configured(self, settings: Mapping[str, str]) -> System:
        """The same system with a target's settings. Raises InputError for one that it doesn't have."""
        for name in settings:
            raise InputError(f"{self.name} has no setting {name!r}", remedy="leave settings out")
        return self

    def health(self) -> Mapping[str, Callable[[], Flow[str]]]:
        """What the system can say of its own parts: a name and a flow that returns one line."""
        return {}

    def preflight(self) -> Request | None:
        """A GET that needs no login and tells that the server is the right one, or None."""
        return None
