"""What the rest of the state needs of a database, so that one place knows which database it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from reconciler.errors import StateError
from reconciler.secret import Keyring
from reconciler.store.hold import Hold, Terms
from reconciler.store.place import Place


class Reading(Struct, frozen=True):
    """An engine whose transactions each see one moment, and the version of the schema that was found."""

    engine: Engine
    version: int


class Writing(Struct, frozen=True):
    """What a process that writes has open.

    ``writer`` begins transactions that write; ``guard`` raises StateError when what is written would be lost;
    ``hold`` makes a target's hold; ``close`` ends everything.
    """

    reader: Engine
    writer: Engine
    guard: Callable[[], None]
    hold: Callable[[str, Terms], Hold]
    close: Callable[[], None]


class Backend(ABC):
    """One database. ``remote``: reading it is a round trip over a network."""

    place: Place
    remote: bool

    @property
    @abstractmethod
    def key(self) -> Hashable:
        """The same for all that is the same database."""

    @abstractmethod
    def keyring(self, given: Keyring | None) -> Keyring:
        """The keys that the state is sealed with. Raises StateUnusable when there are none."""

    @abstractmethod
    def read(self) -> Reading | None:
        """Open it for reading; None when there is none. Raises StateUnusable."""

    @abstractmethod
    def write(self, keyring: Keyring | None, lock_timeout: float) -> Writing:
        """Open it for writing, made or upgraded where that is needed. Raises StateLocked, StateUnusable."""

    @abstractmethod
    def backup(self, engine: Engine, to_path: Path) -> None:
        """Copy it to a file. Raises StateError, InputError."""

    @abstractmethod
    def restore(
        self,
        from_path: Path,
        wanted: tuple[str, str],
        keyring: Keyring | None,
        *,
        other_target: bool,
        lock_timeout: float,
    ) -> None:
        """Put a backup in its place; ``wanted``: the target's name and URL. Raises StateError, InputError."""

    @abstractmethod
    def explain(self, error: Exception) -> StateError:
        """One sentence about the database's failure; never a statement, its values or a password."""

    def mark(self, connection: Connection) -> Hashable | None:
        """Within a transaction: equal to an earlier mark only where nothing was committed in between; None: unknown."""
        return None

    @abstractmethod
    def passing(self, error: Exception) -> bool:
        """Whether the same transaction may do well when it is run again at once."""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turns what the database says while it is read into StateUnusable or StateError."""
        try:
            yield
        except (SQLAlchemyError, ValueError) as error:
            raise self.explain(error) from None
