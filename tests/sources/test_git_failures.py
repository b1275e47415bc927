"""What git's words are taken to mean, where they hold what only looks like a word."""

from __future__ import annotations

from reconciler.errors import SourceRefused, SourceUnavailable
from reconciler.sources.git.failures import refusal

BROKEN = "fatal: loose object {} (stored in ./objects/98/70) is corrupt\nfatal: the remote end hung up unexpectedly"


def test_a_hash_is_no_word() -> None:
    """A hundredth of all hashes hold the letters ``bad``."""
    for name in ("9870d70dc220093180bd5bfc71bad20a61ed07a9", "bad0d70dc220093180bd5bfc71abd20a61ed0bad"):
        error = refusal("origin", BROKEN.format(name), [])
        assert type(error) is SourceUnavailable, error.message


def test_what_the_checks_refuse_is_refused() -> None:
    words = "error: object 9870d7: missingSpaceBeforeDate: invalid author\nfatal: fsck error in packed object"
    assert type(refusal("origin", words, [])) is SourceRefused
    assert type(refusal("origin", "error: bad entry in tree object 9870d7", [])) is SourceRefused
