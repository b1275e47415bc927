"""What bodies, queries and answers look like: the one description that requests are checked and documented by."""

# ruff: noqa: N815 - the API's names

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

MOST_SECONDS = 366 * 86400
ELSEWHERE = "x-schema"
"""In a schema: its name, where pydantic doesn't know it."""

LARGEST = 2**53 - 1
"""The largest whole number that every JSON reader keeps."""

_SEGMENT = r"[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("printable", "has characters that can't be shown")
    return text


def _number(value: Any) -> Any:
    """A query's whole number: digits alone, which is stricter than ``int``."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 17 else value


TargetName = Annotated[str, Field(min_length=1, max_length=256)]
ObjectKind = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]{0,62}$", examples=["User"])]
ObjectName = Annotated[str, Field(min_length=1, max_length=1000, examples=["alice"])]
FileName = Annotated[
    str,
    Field(pattern=rf"^({_SEGMENT}/)*{_SEGMENT}\.ya?ml$", max_length=4096, examples=["team/roles.yaml"]),
    AfterValidator(_printable),
]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", examples=["sha256:" + "0" * 64])]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["new disks"])]
Period = Annotated[float, Field(gt=0, le=MOST_SECONDS, allow_inf_nan=False, examples=[3600])]
QueryNumber = BeforeValidator(_number)
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Counts = dict[str, int]


class Body(BaseModel):
    """A request's body: JSON's own types, and no field that isn't known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Query(BaseModel):
    """A request's query; a parameter that isn't known is refused, as is one that is given twice."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


# --- requests


class NamedFile(Body):
    """A YAML file of the desired state: its path under the tree's root, and its text."""

    name: FileName
    content: Annotated[str, Field(examples=["# no documents"])]


class Rendering(Body):
    """How plans are to be written out for people; ``width`` in columns, ``color`` and ``full`` are for text only."""

    format: Literal["text", "markdown", "html"]
    width: Annotated[int, Field(ge=40, le=400)] = 80
    color: bool = False
    full: bool = False


class PlanBody(Body):
    """A tree of desired state, and the targets that it is to be planned for (none: all that take some of it)."""

    files: list[NamedFile]
    targets: list[TargetName] = Field(default_factory=list, max_length=10_000)
    render: Rendering | None = None


class SuspendBody(Body):
    """Why nothing is to be written, and for how many seconds (none: until somebody resumes it)."""

    reason: Reason
    period: Period | None = Field(default=None, alias="for")


class ApprovalBody(Body):
    """The digest of a pending plan, and its target where several have the same one."""

    digest: Digest
    target: TargetName | None = None


class AdoptBody(Body):
    """A live object that a document declares; ``id`` where its name alone doesn't tell which."""

    kind: ObjectKind
    name: ObjectName
    id: ObjectName | None = None


class ForgetBody(Body):
    """An object that is ours."""

    kind: ObjectKind
    name: ObjectName


class ResolveBody(Body):
    """A journalled write of which nobody could tell how it ended, and how it did."""

    entry: Annotated[int, Field(ge=1, le=LARGEST, examples=[7])]
    ending: Literal["done", "not-done"]


class PlanQuery(Query):
    """Which target's pending plan; none: all of them."""

    target: TargetName | None = None


class HistoryQuery(Query):
    """Whose passes, and how many of the newest."""

    target: TargetName
    limit: Annotated[int, Field(ge=1, le=1000, strict=True), QueryNumber] = 100


class EventsQuery(Query):
    """Events after this one only."""

    since: Annotated[int, Field(ge=0, le=LARGEST, strict=True), QueryNumber] | None = None


# --- answers

_closed = with_config(ConfigDict(extra="forbid"))


@_closed
class ProblemAt(TypedDict):
    """Something wrong with the desired state, with its place; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str


@_closed
class ProblemDetails(TypedDict):
    """Why a request failed (RFC 9457): what happened, what to do about it, and each problem of a tree."""

    type: str
    title: str
    status: int
    detail: NotRequired[str]
    remedy: NotRequired[str]
    problems: NotRequired[list[ProblemAt]]


@_closed
class Probe(TypedDict):
    """How the process is: ``ok``, or what is wrong."""

    status: Literal["ok", "stuck", "not-ready", "stopping"]
    detail: NotRequired[str]


@_closed
class Accepted(TypedDict):
    """It will be done soon."""

    status: Literal["accepted"]


@_closed
class Done(TypedDict):
    """It was done."""

    status: Literal["done"]


@_closed
class SourceAnswer(TypedDict):
    """Where the desired state comes from. ``revision`` is in force, ``seen`` the newest, ``sound``: they are one."""

    where: str
    revision: str | None
    seen: str | None
    error: str | None
    problems: list[ProblemAt]
    readAt: Time | None
    changedAt: Time | None
    sound: bool


@_closed
class SuspensionAnswer(TypedDict):
    """Who lets nothing be written, why, and until when (null: until somebody resumes it)."""

    owner: str
    reason: str
    since: Time
    until: Time | None


@_closed
class ApprovalAnswer(TypedDict):
    """A plan that somebody has agreed to, and until when that holds."""

    digest: str
    by: str
    at: Time
    until: Time


@_closed
class ObjectAnswer(TypedDict):
    """One object: how it compares with its document, how it is itself, and words on both."""

    kind: str
    name: str
    sync: Literal["synced", "pending", "blocked", "held", "failed"]
    health: Literal["healthy", "progressing", "degraded", "unknown", "missing"]
    words: str
    healthWords: str


@_closed
class EntryAnswer(TypedDict):
    """A journalled write that isn't settled: what was sent, about which objects."""

    id: int
    operation: str
    action: str
    objects: list[str]
    at: Time
    status: str
    reason: str


# The functional form, since "pass" is a word of Python's.
_Pass = TypedDict("_Pass", {"pass": str | None})


@_closed
class TargetAnswer(_Pass):
    """One target as its last pass left it. ``digest`` and ``summary`` are the pending plan's.

    ``objects`` and ``entries`` (writes that aren't settled) come with a single target only.
    """

    name: str
    system: str
    url: str
    mode: Literal["enforce", "observe"]
    phase: Literal["waiting", "running", "standby", "stopped"]
    verdict: str | None
    error: str | None
    remedy: str | None
    revision: str | None
    checkedAt: Time | None
    succeededAt: Time | None
    nextAt: Time | None
    failures: int
    holder: str | None
    window: str | None
    suspension: SuspensionAnswer | None
    approvals: list[ApprovalAnswer]
    digest: str | None
    summary: Counts | None
    objects: NotRequired[list[ObjectAnswer]]
    entries: NotRequired[list[EntryAnswer]]


@_closed
class TargetsAnswer(TypedDict):
    """The source, and every target."""

    source: SourceAnswer
    items: list[TargetAnswer]


_PlanItem = Annotated[dict[str, Any], WithJsonSchema({ELSEWHERE: "Plan"})]


@_closed
class PlansAnswer(TypedDict):
    """Plans, one a target; ``rendered`` are the same written out, where that was asked for."""

    apiVersion: Literal["reconciler/v1"]
    kind: Literal["PlanList"]
    items: list[_PlanItem]
    rendered: NotRequired[list[str]]


@_closed
class PassAnswer(TypedDict):
    """One pass that did something; ``ended`` and ``verdict`` are null while it runs, or when it was cut short."""

    id: int
    at: Time
    mode: str
    revision: str | None
    digest: str | None
    ended: Time | None
    verdict: str | None
    summary: dict[str, Any]
    outcomes: list[dict[str, Any]]


@_closed
class HistoryAnswer(TypedDict):
    """Passes, newest first."""

    items: list[PassAnswer]


@_closed
class EventAnswer(TypedDict):
    """Something that happened, to a target or (null) to the source or the process."""

    id: int
    at: Time
    type: str
    target: str | None
    data: dict[str, Any]


@_closed
class EventsAnswer(TypedDict):
    """Events that are still known, oldest first."""

    items: list[EventAnswer]


@_closed
class ApprovedAnswer(TypedDict):
    """Which plan may now do what a budget held back, and whose it is."""

    target: str
    digest: str
