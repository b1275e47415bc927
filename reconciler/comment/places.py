"""Which pull request is meant: flags first, then what GitHub Actions and GitLab CI tell every job."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson
from msgspec import Struct

from reconciler.api.address import base_of
from reconciler.comment.forges import FORGES, Forge
from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.secrets import read_setting

DEFAULTS = {"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}
VARIABLES = {
    "github": ("GITHUB_API_URL", "GITHUB_REPOSITORY"),
    "gitlab": ("CI_API_V4_URL", "CI_PROJECT_ID"),
}
TOKENS = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN"}
MAX_EVENT = 25 * 1024 * 1024

_REPOSITORY = {
    "github": re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}"),
    "gitlab": re.compile(r"[A-Za-z0-9_./-]{1,255}"),
}


class Place(Struct, frozen=True):
    """One pull request: the kind of server, its API's address, the repository, the number."""

    forge: Forge
    api: str
    repository: str
    number: int


def place_from(
    environ: Mapping[str, str],
    *,
    forge: str | None = None,
    api: str | None = None,
    repository: str | None = None,
    number: int | None = None,
) -> Place:
    """The place that the flags name, and where they don't, the job's variables. Raises InputError."""
    name = forge or _forge(environ)
    of_api, of_repository = VARIABLES[name]
    found = repository or environ.get(of_repository)
    if not found or not _REPOSITORY[name].fullmatch(found) or ".." in found:
        raise InputError(f"it isn't clear which repository is meant ({of_repository})", remedy="say it: --repository")
    address = api or environ.get(of_api) or DEFAULTS[name]
    base_of(address)
    meant = number if number is not None else _number(name, environ)
    if meant is None or meant < 1:
        thing = FORGES[name].thing
        raise InputError(f"it isn't clear which {thing} is meant: this job is about none", remedy="say it: --number N")
    return Place(FORGES[name], address.rstrip("/"), found, meant)


def token_from(environ: Mapping[str, str], forge: str) -> Secret:
    """``RECONCILER_COMMENT_TOKEN`` (also as a file), else the forge's own variable. Raises InputError."""
    found = read_setting(environ, "COMMENT_TOKEN")
    own = environ.get(TOKENS[forge], "").strip()
    if found is None and not own:
        raise InputError(
            "there is no token to comment with", remedy=f"set RECONCILER_COMMENT_TOKEN (or …_FILE), or {TOKENS[forge]}"
        )
    return found or Secret(own)


def _forge(environ: Mapping[str, str]) -> str:
    found = [name for name, (_, repository) in VARIABLES.items() if environ.get(repository)]
    if len(found) != 1:
        raise InputError("it isn't clear where to comment: on GitHub or on GitLab", remedy="say it: --forge")
    return found[0]


def _number(forge: str, environ: Mapping[str, str]) -> int | None:
    if forge == "gitlab":
        return _whole(environ.get("CI_MERGE_REQUEST_IID", ""))
    match = re.fullmatch(r"refs/pull/([0-9]{1,12})/(merge|head)", environ.get("GITHUB_REF", ""))
    return int(match[1]) if match else _of_event(environ.get("GITHUB_EVENT_PATH"))


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else None


def _of_event(path: str | None) -> int | None:
    """The number that the event's own file tells; None where it is about no pull request."""
    if not path:
        return None
    try:
        with open(path, "rb") as file:
            event = orjson.loads(file.read(MAX_EVENT + 1))
    except (OSError, orjson.JSONDecodeError):
        raise InputError("the event's file (GITHUB_EVENT_PATH) can't be read", remedy="say --number N") from None
    request = event.get("pull_request") if isinstance(event, dict) else None
    found = request.get("number") if isinstance(request, dict) else None
    return found if type(found) is int else None
