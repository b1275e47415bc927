"""Which deliverables the emulated Bunny Studio has trouble with, and who may ask."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.emulator.oneway import Paces
from reconciler.emulator.switches import SECRET


@dataclass(frozen=True, slots=True)
class Options(Paces):
    """How requests are answered; deliverables are named by their ids.

    | field | what it decides |
    | --- | --- |
    | token | the value of x-access-token that is let in |
    | known | the deliverables that there are; empty: every one |
    | forbidden | those that this token may not reject |
    | failing | those whose rejection ends in an error |
    | failing_done | whether such a one is rejected all the same |
    """

    token: str = field(default="bunny", metadata=SECRET)
    known: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    failing_done: bool = False
