"""Follows the branch: what is fetched is judged before anyone reads it, and what was good is remembered."""

from __future__ import annotations

import asyncio

from reconciler.errors import InputError, SourceError, SourceRefused, SourceUnavailable
from reconciler.sources import Tree
from reconciler.sources.git.access import access, readable
from reconciler.sources.git.blobs import contents
from reconciler.sources.git.failures import NO_BRANCH, OTHER_FORMAT, forms, refusal, told_words
from reconciler.sources.git.listing import listing
from reconciler.sources.git.mirror import REVISION, Damaged, Mirror
from reconciler.sources.git.process import Git
from reconciler.sources.git.repository import Repository, checked

_FETCH = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance")
_VERIFY = (
    "gpg.format=ssh",
    "gpg.minTrustLevel=fully",
    "gpg.program=false",  # a signature of another kind is never good: there is no list for it
    "gpg.x509.program=false",
)
_SHOWN = 12


class GitSource:
    """For one event loop. ``where`` says for people what is followed; ``close`` ends what is at work."""

    def __init__(self, repository: Repository) -> None:
        """Raises InputError; nothing is read or written yet."""
        self._repository = repository
        self._address, self._folder = checked(repository)
        self._mirror = Mirror(repository.mirror, f"{self._address.url}\0{repository.branch}", repository.timeout)
        self._secrets = forms(repository.token, repository.user or "git")
        self._turn = asyncio.Lock()
        self._branch_checked = self._suspect = self._changed = False
        self._head: str | None = None
        self._notices: list[str] = []
        folder = f", folder {self._folder}" if self._folder else ""
        self.where = f"{self._address.shown}, branch {repository.branch}{folder}"

    async def fetch(self) -> str:
        """The newest commit of the branch, fetched and judged: a hash of 40 or 64 hex digits.

        Raises SourceUnavailable (try again), SourceRefused (rewritten history, a bad signature, no such branch …),
        InputError (no git, a name that no branch can have).
        """
        async with self._turn, self._mirror.writing() as git:
            await self._check_branch(git)
            head = await self._fetched(git)
            if head != self._head:
                self._head, self._changed = head, True
            elif self._changed:  # a quiet moment
                await self._mirror.collect(git)
                self._changed = False
            return head

    async def read(self, revision: str) -> Tree:
        """The YAML files in the folder as of a commit, never from a checkout.

        Raises InputError as a directory source does, and for links and submodules; SourceRefused when the folder isn't
        there; SourceUnavailable when the mirror doesn't hold the commit, or is damaged (``fetch`` makes it anew).
        """
        _check_revision(revision)
        git = self._mirror.git
        try:
            found = await listing(git, revision, self._folder)
            files = await contents(git, found.files)
        except Damaged as damage:
            if not self._mirror.exists or not await self._mirror.holds(git, revision):
                message = f"commit {revision[:_SHOWN]} isn't in the mirror of {self.where}"
                raise SourceUnavailable(message, remedy="fetch again") from None
            self._suspect = True
            raise SourceUnavailable(
                f"the mirror in {self._mirror.home} is damaged: {damage}", remedy="it is made anew at the next fetch"
            ) from None
        return Tree(files, "", revision)

    async def accept(self, revision: str) -> None:
        """Remember a commit as the last good one: what comes later has to build on it. Raises SourceUnavailable."""
        _check_revision(revision)
        if self._mirror.exists and await self._mirror.read_ref(self._mirror.git, self._mirror.good_ref) == revision:
            return
        async with self._turn, self._mirror.writing() as git:
            result = await git.run("update-ref", self._mirror.good_ref, revision)
            if result.code:
                raise SourceUnavailable(f"the last good commit can't be noted: {told_words(result.words, [])}")
            self._mirror.baseline = None

    async def good(self) -> str | None:
        """The last good commit, None if there is none that can be read."""
        if not self._mirror.exists:
            return None
        return await self._mirror.read_ref(self._mirror.git, f"{self._mirror.good_ref}^{{commit}}")

    def take_notices(self) -> list[str]:
        """What people should be told once: that the mirror was made anew, and what was lost with it."""
        found, self._notices = self._notices, []
        return found

    async def close(self) -> None:
        """End what is at work; the mirror stays."""
        self._mirror.git.kill()

    async def _check_branch(self, git: Git) -> None:
        if not self._branch_checked:
            branch = self._repository.branch
            if (await git.run("check-ref-format", f"refs/heads/{branch}", bare=False)).code:
                raise InputError(f"{branch!r} can't be the name of a branch", remedy="name it without refs/heads/")
            self._branch_checked = True

    async def _fetched(self, git: Git) -> str:
        if not self._mirror.exists:
            await self._mirror.make(git, "sha1")
        elif self._suspect:
            await self._renew(git, "a file in it could not be read")
        try:
            return await self._pulled_and_judged(git)
        except Damaged as damage:
            await self._renew(git, str(damage))
        try:
            return await self._pulled_and_judged(git)
        except Damaged as damage:
            raise SourceUnavailable(f"the mirror in {self._mirror.home} is damaged: {damage}") from None

    async def _renew(self, git: Git, why: str) -> None:
        await self._mirror.renew(git)
        self._suspect = False
        kept = "" if self._mirror.baseline else "; the last good commit is lost, so the next one is taken as it comes"
        self._notices.append(f"the mirror in {self._mirror.home} was damaged and is made anew ({why}){kept}")

    async def _pulled_and_judged(self, git: Git) -> str:
        words = await self._pull(git)
        if words and OTHER_FORMAT.search(words):
            self._mirror.baseline = await self._mirror.read_ref(git, self._mirror.good_ref) or self._mirror.baseline
            await self._mirror.make(git, "sha256")
            words = await self._pull(git)
        if words:
            await self._explain(git, words)
        head, good = await self._mirror.refs(git)
        await self._check_history(git, head, good)
        await self._check_signature(git, head)
        if good is None and self._mirror.baseline and await self._mirror.holds(git, self._mirror.baseline):
            await git.run("update-ref", self._mirror.good_ref, self._mirror.baseline)
        return head

    async def _pull(self, git: Git) -> str:
        """Fetch; git's words if it failed."""
        refspec = f"+refs/heads/{self._repository.branch}:{self._mirror.head_ref}"
        with access(git, self._repository, self._address) as reaching:
            result = await reaching.run(*_FETCH, self._address.url, refspec)
        return (result.words or "git gave no reason") if result.code else ""

    async def _explain(self, git: Git, words: str) -> None:
        """Raise what a failed fetch means: SourceError, or Damaged."""
        if NO_BRANCH.search(words):
            raise await self._no_branch(git)
        if not await self._mirror.is_sound(git, words):
            raise Damaged(told_words(words, self._secrets))
        raise refusal(self._address.shown, words, self._secrets)

    async def _no_branch(self, git: Git) -> SourceError:
        with access(git, self._repository, self._address) as reaching:
            result = await reaching.run("ls-remote", "--quiet", self._address.url, bare=False)
        if result.code:
            return refusal(self._address.shown, result.words, self._secrets)
        shown, branch = self._address.shown, self._repository.branch
        if not result.out:
            return SourceRefused(f"{shown} is empty", remedy=f"push the branch {branch}")
        return SourceRefused(f"{shown} has no branch {branch}", remedy="push it, or name another one")

    async def _check_history(self, git: Git, head: str, good: str | None) -> None:
        baseline = good or self._mirror.baseline
        if baseline is None or baseline == head or self._repository.allow_rewrites:
            return
        result = await git.run("merge-base", "--is-ancestor", baseline, head)
        if result.code == 0:
            return
        if result.code != 1 and good is not None:
            raise Damaged(told_words(result.words, []))
        raise SourceRefused(
            f"the history of {self.where} was rewritten: its newest commit {head[:_SHOWN]} doesn't build on "
            f"{baseline[:_SHOWN]}, the last good one",
            remedy="push a commit that does; or, if this was meant, set allow_rewrites until it is the last good one",
        )

    async def _check_signature(self, git: Git, head: str) -> None:
        if self._repository.allowed_signers is None:
            return
        signers = readable(self._repository.allowed_signers, "file of allowed signers")
        verifying = git.having([*_VERIFY, f"gpg.ssh.allowedSignersFile={signers}"])
        result = await verifying.run("verify-commit", head)
        if result.code:
            words = told_words(result.words, []) if result.words.strip() else "it has no signature"
            raise SourceRefused(
                f"commit {head[:_SHOWN]} of {self.where} has no good signature of an allowed signer: {words}",
                remedy="sign the newest commit with an SSH key that the file of allowed signers lists",
            )


def _check_revision(revision: str) -> None:
    if not REVISION.fullmatch(revision):
        raise InputError(f"{revision!r} is no commit's full hash")
