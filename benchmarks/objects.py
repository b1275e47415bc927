"""Users and workers, so many of each: as documents, as what a Control Center has, and as what our state remembers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PER_FILE = 100
PASSWORD, KEY = "secret-of-a-user", "secret-of-a-worker"
SECRETS = {"password": PASSWORD, "connection-key": KEY}

USER = """\
apiVersion: metadefender/v1
kind: User
metadata:
  name: {name}
spec:
  display_name: User {number}
  email: {name}@example.com
  roles:
    - administrator
  password:
    secret: password
"""
WORKER = """\
apiVersion: metadefender/v1
kind: Worker
metadata:
  name: {name}
spec:
  host: {name}.internal
  port: 8893
  connection_key:
    secret: connection-key
"""


@dataclass(frozen=True)
class Mix:
    """How many of each kind."""

    users: int = 0
    workers: int = 0

    @property
    def count(self) -> int:
        return self.users + self.workers

    @classmethod
    def of(cls, name: str, count: int) -> Mix:
        """`users`, `workers` or `half` (and half)."""
        return {"users": cls(count), "workers": cls(0, count), "half": cls(count - count // 2, count // 2)}[name]


def user_name(number: int) -> str:
    """What a user is called."""
    return f"user-{number:06d}"


def worker_name(number: int) -> str:
    """What a worker is called."""
    return f"worker-{number:06d}"


def documents(mix: Mix) -> Iterator[tuple[str, str]]:
    """(kind, document) of all, in the words of the desired state."""
    for number in range(mix.users):
        yield "users", USER.format(name=user_name(number), number=number)
    for number in range(mix.workers):
        yield "workers", WORKER.format(name=worker_name(number))


def write_tree(folder: Path, mix: Mix, per_file: int = PER_FILE) -> int:
    """Write the documents into files of so many; gives how many files there are."""
    folder.mkdir(parents=True, exist_ok=True)
    held: dict[str, list[str]] = {}
    files = 0
    for kind, text in documents(mix):
        held.setdefault(kind, []).append(text)
        if len(held[kind]) == per_file:
            files = _write(folder, kind, held.pop(kind), files)
    for kind, texts in held.items():
        files = _write(folder, kind, texts, files)
    return files


def _write(folder: Path, kind: str, texts: Sequence[str], files: int) -> int:
    (folder / f"{kind}-{files:05d}.yaml").write_text("---\n".join(texts), encoding="utf-8")
    return files + 1


def write_secrets(folder: Path) -> None:
    """The secrets that the documents name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in SECRETS.items():
        (folder / name).write_text(value, encoding="utf-8")


def fixture(mix: Mix) -> dict[str, list[dict[str, Any]]]:
    """The same objects in the words of the API, for an emulated Control Center."""
    users = [
        {
            "name": user_name(number),
            "display_name": f"User {number}",
            "email": f"{user_name(number)}@example.com",
            "roles": ["administrator"],
            "password": PASSWORD,
        }
        for number in range(mix.users)
    ]
    workers = [
        {"display_name": name, "host": f"{name}.internal", "port": 8893, "connection_key": KEY}
        for name in map(worker_name, range(mix.workers))
    ]
    return {"users": users, "workers": workers}
