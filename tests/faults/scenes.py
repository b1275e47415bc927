"""What the processes that are killed are doing: from where to where, and in how many writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.kit import document, secret, user, worker
from tests.faults.kit import FarCenter, FarDesk

NEWER = "installers/ometascan-5.16.0-1-x64.msi"
OLDER = "installers/ometascan-5.15.0-1-x64.msi"
READS = {"workers": ["read"]}


@dataclass(frozen=True)
class Scene:
    """`before` is what is applied beforehand (nothing: an empty Control Center), `after` what the killed process
    applies with `flags`, in `writes` writes, after which `ours` objects are its own; `owned` it owns already, as
    the invariants call it."""

    name: str
    writes: int
    ours: int
    after: Callable[[FarDesk], None]
    before: Callable[[FarDesk], None] | None = None
    flags: tuple[str, ...] = ()
    owned: list[str] = field(default_factory=list)

    def base(self, folder: Path, center: FarCenter) -> None:
        """Lay `folder` out: a desk on which `before` is applied, and the Control Center's data."""
        if self.before is None:
            return
        center.reset(folder / "spool")
        desk = FarDesk(folder / "desk", center)
        self.before(desk)
        desk.converges()
        center.save(folder / "center.json")

    def desk(self, base: Path, folder: Path, center: FarCenter) -> FarDesk:
        """A desk with `after` on it, and the Control Center that `base` has."""
        saved = base / "center.json"
        if saved.exists():
            shutil.copytree(base / "desk", folder / "desk")
        center.reset(base / "spool", saved if saved.exists() else None)
        desk = FarDesk(folder / "desk", center, owned_before=self.owned)
        self.after(desk)
        desk.canaries |= {path.read_text(encoding="utf-8") for path in desk.secrets.iterdir()}
        return desk


def _role(rights: dict[str, list[str]]) -> str:
    return document("Role", "analyst", rights=rights)


def _accounts(desk: FarDesk) -> None:
    people = [user(name, roles=["analyst"], email=f"{name}@example.com") for name in ("carol", "dave", "erin")]
    desk.write(_role(READS), document("Role", "operator"), *people)


def _other_accounts(desk: FarDesk) -> None:
    """A held role is replaced, and with it both who hold it; a third user and another role go."""
    people = [user(name, roles=["analyst"], email=f"{name}@example.com") for name in ("carol", "erin")]
    desk.write(_role({**READS, "services": ["read"]}), *people)


def _installer(name: str, file: str) -> str:
    return document("Installer", name, file=file)


def _services() -> list[str]:
    kinds = ("datalake", "warehouse", "caching", "broker")
    key = secret("service-password")
    plain = [
        document("Service", one, type=one, host=f"{one}.internal", port=4000, user="mddc", password=key)
        for one in kinds
    ]
    files = document("Service", "files", type="filestorage", host="files.internal", port=8890,
                     connection_key=secret("files-key"))  # fmt: skip
    return [*plain, files]


def _cores(installer: str, *workers: str) -> str:
    return document("Deployment", "cores", type="ometascan", installer=installer, workers=list(workers))


def _files(desk: FarDesk) -> None:
    for name in (OLDER, NEWER):
        path = desk.tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())


def _cluster(desk: FarDesk) -> None:
    _files(desk)
    workers = [worker(f"w{number}") for number in (1, 2, 3)]
    desk.write(*_services(), *workers, _installer("old", OLDER), _cores("old", "w1", "w2", "w3"))


def _newer_cluster(desk: FarDesk) -> None:
    """An upgrade; one worker is undeployed and goes, and so does the old installer."""
    workers = [worker(f"w{number}") for number in (1, 2)]
    desk.write(*_services(), *workers, _installer("new", NEWER), _cores("new", "w1", "w2"))


def _thawed_cluster(desk: FarDesk) -> None:
    """A service that is frozen moves: all is undeployed before, and deployed anew."""
    _cluster(desk)
    desk.edit("tree.yaml", "broker.internal", "broker-2.internal")


HOSTS = ("datalake", "warehouse", "caching", "broker")
CLUSTER = [
    *(f"services/{host}.internal:4000" for host in HOSTS),
    "services/files.internal:8890",
    *(f"workers/w{number}.internal:8893" for number in (1, 2, 3)),
    f"installers/{Path(OLDER).name}",
    "instances of ometascan",
]
ACCOUNTS = ["roles/analyst", "roles/operator", *(f"users/1/{name}" for name in ("carol", "dave", "erin"))]
GOING = ("--prune", "--allow", "deletions=20")

EXAMPLE = Scene("example", 19, 19, FarDesk.give_example)
PEOPLE = Scene("accounts", 8, 3, _other_accounts, _accounts, ("--allow", "replace", *GOING), ACCOUNTS)
UPGRADE = Scene("upgrade", 5, 10, _newer_cluster, _cluster, GOING, CLUSTER)
THAW = Scene("thaw", 3, 12, _thawed_cluster, _cluster, ("--allow", "redeploy", *GOING), CLUSTER)
SCENES = (EXAMPLE, PEOPLE, UPGRADE, THAW)
