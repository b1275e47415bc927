"""The key beside the database: made once, for those who name no ``fingerprint-key``."""

from __future__ import annotations

import secrets
from pathlib import Path

from reconciler.errors import StateUnusable
from reconciler.secret import Keyring
from reconciler.store.sqlite.files import beside, create_private, flush, put_in_place, tighten, unusable

_BYTES = 32


def key_file(path: Path) -> Path:
    """Where a database's key lies: ``state.db.key``, one hexadecimal key a line; the first one makes seals."""
    return beside(path, ".key")


def find_keyring(path: Path, given: Keyring | None) -> Keyring:
    """The given keys, then those of the key file: what was sealed before a key was given is still recognised.

    Raises StateUnusable when there are none, or when the key file can't be read.
    """
    file = key_file(path)
    kept = _read(file) if file.exists() else ()
    keys = tuple(dict.fromkeys((given.keys if given else ()) + kept))
    if not keys:
        raise StateUnusable(
            f"the key of the state, {file}, is missing",
            remedy="Put the key file back, or name the secret fingerprint-key that the state was made with; "
            "without either, move the database away to begin with a state that owns nothing.",
        )
    return Keyring(keys)


def make_key(path: Path) -> None:
    """Write a new key file beside a database that is about to be made; one that is there already is kept."""
    file = key_file(path)
    if file.exists():
        tighten(file)
        return
    ready = beside(file, ".new")
    ready.unlink(missing_ok=True)
    create_private(ready, secrets.token_hex(_BYTES).encode() + b"\n")
    put_in_place(ready, file)
    flush(file)


def _read(file: Path) -> tuple[bytes, ...]:
    try:
        keys = tuple(bytes.fromhex(line) for line in file.read_text("ascii").split())
    except OSError as error:
        raise unusable(file, error) from None
    except ValueError:
        keys = ()
    if not keys or any(len(key) < _BYTES for key in keys):
        raise StateUnusable(f"the key file {file} is damaged", remedy="Put a copy of it back.")
    return keys
