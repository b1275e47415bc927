"""What git's words mean: whether to try again, what to do, and how they are shown without credentials."""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import quote

from reconciler.errors import SourceError, SourceRefused, SourceUnavailable
from reconciler.secret import Secret, hidden

_LONGEST = 400
_NOISE = re.compile(
    r"hint:|warning:|please make sure you have|and the repository exists|to add an exception|git config --global"
)
_PREFIX = re.compile(r"(?:(?:fatal|error|remote|ssh): *)+", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=//)[^/@\s]*@|(?<![\w.-])[\w.+-]+@(?=[\w\[])")

NO_BRANCH = re.compile(r"couldn't find remote ref", re.IGNORECASE)
OTHER_FORMAT = re.compile(r"mismatched algorithms|mismatched object format", re.IGNORECASE)

_REFUSALS: tuple[tuple[str, str, str], ...] = (
    (
        r"Authentication failed|could not read (?:Username|Password)|Permission denied \(|returned error: 40[13]",
        "doesn't accept the credentials",
        "check the token or the key, and that it may read the repository",
    ),
    (
        r"returned error: 3\d\d|unable to update url base from redirection",
        "points elsewhere, and credentials are never carried along",
        "name the address that it points to",
    ),
    (
        r"Host key verification failed|host key .* has changed",
        "isn't the server that known_hosts knows",
        "compare its key, and put the right one into known_hosts",
    ),
    (
        r"SSL certificate problem|certificate verif|certificate subject name|unable to get local issuer|no alternative",
        "has a certificate that isn't trusted",
        "name the authority that signed it under ca",
    ),
    (
        r"transport '.*' not allowed|protocol '.*' is not supported|Unable to find remote helper",
        "uses a protocol that isn't allowed",
        "use https or ssh",
    ),
    (
        r"fsck error|\bbad\b.*in .*object|unpack-objects.*fsck",
        "has an object that git's checks find fault with",
        "find it with git fsck and take it out of the history",
    ),
    (
        r"cannot run ssh:|ssh: not found|ssh: No such file",
        "needs ssh, which isn't installed",
        "install the package openssh-client",
    ),
)

_DAMAGE = re.compile(
    r"not a git repository|bad object|corrupt|is empty|unable to read|bad tree object|missing (?:blob|tree|commit)|"
    r"invalid object|unable to (?:parse|find|resolve)|inflate|did not send all necessary|bad config|bad (?:sig|pack)|"
    r"cannot read|broken|not our ref|unresolved deltas|invalid (?:sha1|ref)|(?:could|can)not (?:open|parse|load)",
    re.IGNORECASE,
)


def refusal(where: str, words: str, secrets: list[Secret]) -> SourceError:
    """The error for a call that reached out and failed."""
    told = told_words(words, secrets)
    for pattern, meaning, remedy in _REFUSALS:
        if re.search(pattern, words, re.IGNORECASE):
            return SourceRefused(f"{where} {meaning}: {told}", remedy=remedy)
    return SourceUnavailable(f"{where} can't be read: {told}", remedy="check the server, the url and the credentials")


def may_be_damage(words: str) -> bool:
    """Whether these could be words about our own copy (what the server said of its own is left out)."""
    return any(_DAMAGE.search(line) for line in words.splitlines() if not line.startswith("remote:"))


def told_words(words: str, secrets: list[Secret]) -> str:
    """git's own words in one bounded line, without credentials in any of the forms that they travel in."""
    lines = (line.strip() for line in re.split(r"[\r\n]+", words) if not _NOISE.match(line.lower()))
    text = "; ".join(dict.fromkeys(found for line in lines if (found := _PREFIX.sub("", line, count=1).rstrip("."))))
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    text = _USER_INFO.sub("", hidden(text, secrets))
    return (text[: _LONGEST - 1] + "…" if len(text) > _LONGEST else text) or "git gave no reason"


def forms(token: Secret | None, user: str) -> list[Secret]:
    """A token as it is, as it would stand in a URL, and as the header carries it."""
    if token is None:
        return []
    value = token.reveal()
    pair = b64encode(f"{user}:{value}".encode()).decode()
    return [token, Secret(quote(value, safe="")), Secret(pair), Secret(b64encode(value.encode()).decode())]
