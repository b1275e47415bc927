"""The chart's pod as a container of the real image: its volumes, user, variables and arguments, by podman."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.helm.pod import Pod
from tests.image.engine import Image

UID = 10001


@dataclass
class Contained(Pod):
    """A pod whose process runs in the image; ``more`` are mounts that a cluster wouldn't have."""

    image: Image
    more: list[str] = field(default_factory=list)

    def start(self) -> subprocess.Popen[str]:
        """The container, attached; signals reach it."""
        own = [f"--env={one['name']}={self._value(one)}" for one in self.container["env"]]
        return subprocess.Popen(
            self.image.command(*self.container["args"], options=(*self._user(), *self._mounts(), *self.more, *own)),
            env=self.image.engine.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _user(self) -> Iterator[str]:
        context = self.spec["securityContext"]
        yield f"--user={context['runAsUser']}:{context['runAsGroup']}"

    def _mounts(self) -> Iterator[str]:
        for mount in self.container["volumeMounts"]:
            place = self.place(mount["name"])
            self._hand_over(place)
            yield f"--volume={place}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}"

    def _hand_over(self, place: Path) -> None:
        """As ``fsGroup`` has it: the group may read, and write to folders that are a volume's own."""
        group = self.spec["securityContext"]["fsGroup"]
        for path in (place, *place.rglob("*")):
            os.chown(path, 0, group, follow_symlinks=False)
            if not path.is_symlink():
                path.chmod(0o2770 if path.is_dir() else 0o440)

    def _exchanged(self, text: str) -> str:
        for before, after in self.words.items():
            text = text.replace(before, after)
        return text


def signed_repository(folder: Path, documents: dict[str, str]) -> str:
    """A repository with one signed commit, at ``folder/repo.git``; gives the file of allowed signers."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", key], check=True)
    tree = folder / "tree"
    tree.mkdir()
    for name, text in documents.items():
        (tree / name).write_text(text)
    me = ["-c", "user.name=ann", "-c", "user.email=ann@example", "-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"]
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        [*me, "commit", "--quiet", "-S", "-m", "x"],
        ["clone", "--quiet", "--bare", ".", "../repo.git"],
    ):
        subprocess.run(["git", *command], cwd=tree, check=True)
    for path in (folder / "repo.git", *(folder / "repo.git").rglob("*")):
        os.chown(path, UID, UID)  # git follows no repository of somebody else's
    return f'ann@example namespaces="git" {key.with_suffix(".pub").read_text()}'
