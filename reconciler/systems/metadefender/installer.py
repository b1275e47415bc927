"""Installer: a package that can be deployed. Streamed from disk, known by its SHA-256."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from reconciler.errors import BadReply
from reconciler.model import Desired, Identity, Item, LiveObject, Path, Resource
from reconciler.secret import Seal
from reconciler.systems.base import Collection, Kind, Result, Spec, Verb, Work, distinct
from reconciler.systems.draft import Draft, Rule
from reconciler.systems.fields import Name, Sha256
from reconciler.systems.replies import accepted, an_object, only
from reconciler.systems.view import View
from reconciler.wire import FileBody, Flow, Request


class InstallerSpec(Spec):
    """``file`` keeps the vendor's own file name and lies under the desired state, or under a configured folder."""

    file: Name | None = None
    sha256: Sha256 | None = None


def fetch_installers(seal: Seal) -> Flow[Any]:
    """``listInstallers``: GET /admin/installer → [(installer_id, installer)] from a map."""
    request = Request("listInstallers", "GET", "/admin/installer")
    response = yield request
    data = an_object(accepted(request, response).json(), "GET /admin/installer")
    found = [(str(id), an_object(entry, "GET /admin/installer: an entry")) for id, entry in data.items()]
    return only(found, PUBLIC)


PUBLIC = frozenset({"name", "checksum", "type", "version", "platform"})
INSTALLERS = Collection("installers", fetch_installers, PUBLIC)


class InstallerKind(Kind):
    name = "Installer"
    spec = InstallerSpec
    summary = "A package that can be deployed."
    reads = ("installers", "workers")
    in_use = "installer-in-use"
    stable = False

    def check(self, resource: Resource) -> Iterable[tuple[Path, str]]:
        if resource.spec.file is None and resource.spec.sha256 is None:
            yield (), "give file (to upload it) or sha256 (of one that is uploaded already), or both"
        file = resource.spec.file or ""
        if file.startswith("/") or ".." in file.split("/") or "\\" in file:
            yield ("file",), "file is relative to the desired state's root and can't leave it"

    def files(self, resource: Resource) -> Iterable[str]:
        return [resource.spec.file] if resource.spec.file is not None else []

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        yield _identity(resource)

    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        yield Item(self.name, _identity(resource), resource.ref.name, {}, resource)

    def live(self, view: View) -> Iterable[LiveObject]:
        return [_installer(id, entry) for id, entry in view.collection("installers")]

    def match(self, items: Sequence[Item], view: View) -> Mapping[Identity, LiveObject]:
        """By SHA-256 where one is given, else by file name."""
        by_sha = {live.identity[0]: live for live in view.live(self.name)}
        by_name = {live.name: live for live in reversed(view.live(self.name))}
        pairs = {item.identity: by_sha.get(item.identity[0]) or by_name.get(item.identity[0]) for item in items}
        return {identity: live for identity, live in pairs.items() if live is not None}

    def precondition(self, verb: object, work: Work, view: View) -> str | None:
        if verb is not Verb.DELETE or work.live is None:
            return None
        used = any(live.facts["installer_id"] == work.live.id for live in view.live("Deployment"))
        return "an instance of it is deployed now: plan again" if used else None

    def create(self, work: Work, view: View) -> Flow[Result]:
        """``uploadInstaller``: POST /admin/installer, raw bytes; then its checksum is compared."""
        assert work.item is not None
        spec = work.item.resource.spec
        facts = view.files.get(spec.file or "")
        if facts is None or facts.sha256 is None:
            return Result.refused(f"the file {spec.file} isn't there")
        if spec.sha256 is not None and spec.sha256 != facts.sha256:
            return Result.refused(f"{spec.file} has the SHA-256 {facts.sha256}, and the document says {spec.sha256}")
        known = [live.id for live in view.live(self.name) if live.identity[0] == facts.sha256]
        if known:
            return Result.done(known[0])
        request = Request(
            "uploadInstaller",
            "POST",
            "/admin/installer",
            body=FileBody(facts.path, facts.size, facts.sha256),
            headers={"filename": posixpath.basename(spec.file), "content-type": "application/octet-stream"},
            write=True,
        )
        data = an_object(accepted(request, (yield request)).json(), "POST /admin/installer")
        id = data.get("installer_id")
        if not isinstance(id, str | int) or isinstance(id, bool):
            raise BadReply("POST /admin/installer: the answer holds no installer_id")
        return (yield from self._verify(str(id), facts.sha256, view))

    def _verify(self, id: str, sha256: str, view: View) -> Flow[Result]:
        """Compare what arrived; a fragment of ours is taken away again, and nothing that was there before."""
        listed = dict((yield from fetch_installers(Seal(view.target))))
        if id not in listed:
            return Result.unclear("the upload was acknowledged, and the list doesn't show it")
        if str(listed[id].get("checksum", "")).lower() == sha256:
            return Result.done(id)
        if any(live.id == id for live in view.live(self.name)):
            return Result.refused(
                "the server keeps an installer that it had, with another SHA-256, in the upload's place"
            )
        yield _removal(id)
        return Result.refused("what arrived has another SHA-256 than the file: the upload was taken back")

    def delete(self, work: Work, view: View) -> Flow[Result]:
        """``deleteInstaller``: DELETE /admin/installer/{installer_id}."""
        request = _removal(work.id)
        response = yield request
        if response.status != 404:
            accepted(request, response)
        return Result.done()

    def happened(self, verb: object, work: Work, view: View) -> bool | None:
        if work.item is not None and work.live is None:
            return work.item.identity in self.match([work.item], view)
        return super().happened(verb, work, view)  # type: ignore[arg-type]

    def export(self, view: View) -> list[tuple[str, Mapping[str, Any]]]:
        return distinct(super().export(view))

    def exports(self, live: LiveObject, view: View) -> Mapping[str, Any] | None:
        return {"sha256": live.identity[0]} if re.fullmatch(r"[0-9a-f]{64}", live.identity[0]) else None


class FileMissing(Rule):
    """An installer whose file isn't at hand can't be uploaded; nothing else waits but what needs it."""

    name = "installer-file-missing"
    source = "POST /admin/installer needs the file's bytes; a repository seldom holds gigabytes"

    def hold(self, draft: Draft) -> None:
        for step in draft.of("Installer"):
            file = step.item.resource.spec.file if step.item else None
            if step.live is None and (file is None or file not in draft.view.files):
                reason = f"{file} isn't there" if file else "it isn't uploaded, and the document names no file"
                draft.block(step, self.name, reason, "put the file in place, or upload it by hand and give its sha256")


def _removal(id: str) -> Request:
    return Request("deleteInstaller", "DELETE", f"/admin/installer/{quote(id, safe='')}", write=True)


def _identity(resource: Resource) -> Identity:
    return (resource.spec.sha256 or posixpath.basename(resource.spec.file or ""),)


def _installer(id: str, entry: Mapping[str, Any]) -> LiveObject:
    name = entry.get("name") if isinstance(entry.get("name"), str) else id
    checksum = entry.get("checksum")
    identity = checksum.lower() if isinstance(checksum, str) and checksum else str(name)
    facts = {key: entry[key] for key in ("type", "version", "platform") if isinstance(entry.get(key), str)}
    return LiveObject("Installer", (identity,), str(name), id, {}, facts)
