"""What Bright River's reference leaves open, as switches, and who may ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from reconciler.emulator.oneway import Paces
from reconciler.emulator.switches import SECRET


@dataclass(frozen=True, slots=True)
class Options(Paces):
    """The answers that the emulator gives to the open questions.

    | field | what it decides |
    | --- | --- |
    | client_token, session_token | the values of X-Client-Token and X-Session-Token that are let in |
    | files_field, reason_field | the names of the body's fields for the files' ids and for the reason |
    | known_files | the files that there are; empty: every one |
    | gone_files | files that are gone for good |
    | already | what a file that is rejected already is answered: 200 again, or 410 |
    | partly | what a 410 does with the other files of the request: nothing, or the rest is rejected |
    """

    client_token: str = field(default="client", metadata=SECRET)
    session_token: str = field(default="session", metadata=SECRET)
    files_field: str = "files"
    reason_field: str = "reason"
    known_files: tuple[str, ...] = ()
    gone_files: tuple[str, ...] = ()
    already: Literal["200", "410"] = "200"
    partly: Literal["nothing", "rest"] = "nothing"
