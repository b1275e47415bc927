"""A rendered pod without a cluster: its volumes laid out as the kubelet does it, its container as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helm.chart import Manifest

SCRATCH = "/tmp"  # noqa: S108 - where the container may write
Files = Mapping[str, str]


@dataclass
class Pod:
    """One container's process; everything absolute lies under ``root``, and ``words`` are exchanged in all texts."""

    root: Path
    spec: Manifest
    secrets: Mapping[str, Files]
    maps: Mapping[str, Files]
    words: Mapping[str, str]

    @property
    def container(self) -> Manifest:
        one: Manifest = self.spec["containers"][0]
        return one

    def place(self, name: str) -> Path:
        """Where a volume is mounted."""
        (path,) = [str(one["mountPath"]) for one in self.container["volumeMounts"] if one["name"] == name]
        return self.root / path.removeprefix("/")

    def lay_out(self) -> None:
        """Every volume: files behind ``..data``, empty folders for the rest."""
        for volume in self.spec["volumes"]:
            self.place(volume["name"]).mkdir(parents=True, exist_ok=True)
            if "projected" in volume:
                self.swap(volume["name"], self._projected(volume["projected"]["sources"]))
            elif "configMap" in volume:
                self.swap(volume["name"], self.maps[volume["configMap"]["name"]])

    def swap(self, name: str, files: Files) -> None:
        """Another version of a volume's files, all at once, as the kubelet does it."""
        folder = self.place(name)
        version = folder / f"..version-{len(list(folder.iterdir()))}"
        version.mkdir()
        for file, text in files.items():
            (version / file).write_text(self._exchanged(text))
            if not (folder / file).is_symlink():
                (folder / file).symlink_to(f"..data/{file}")
        (folder / "..data_tmp").symlink_to(version.name)
        (folder / "..data_tmp").rename(folder / "..data")

    def start(self) -> subprocess.Popen[str]:
        """The container's process, with nothing but its own variables."""
        own = {one["name"]: self._value(one) for one in self.container["env"]}
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *map(self._exchanged, self.container["args"])],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "default", **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _value(self, variable: Manifest) -> str:
        if "value" in variable:
            return self._exchanged(variable["value"])
        source = variable["valueFrom"]["secretKeyRef"]
        return self.secrets[source["name"]][source["key"]]

    def writable(self) -> list[Path]:
        """The places that the container may write to."""
        return [self.place(one["name"]) for one in self.container["volumeMounts"] if not one.get("readOnly")]

    def _projected(self, sources: list[dict[str, Any]]) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in sources:
            kind = "secret" if "secret" in source else "configMap"
            part, content = source[kind], (self.secrets if kind == "secret" else self.maps)[source[kind]["name"]]
            chosen = {one["path"]: content[one["key"]] for one in part["items"]} if "items" in part else content
            assert not set(chosen) & set(found)
            found |= chosen
        return found

    def _exchanged(self, text: str) -> str:
        for before, after in self.words.items():
            text = text.replace(before, after)
        for place in ("/etc/reconciler", "/run/secrets", "/srv/desired-state", "/var/lib/reconciler", "/var/cache"):
            text = text.replace(place, f"{self.root}{place}")
        return f"{self.root}{SCRATCH}" if text == SCRATCH else text
