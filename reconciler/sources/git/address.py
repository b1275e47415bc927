"""A repository's URL: which ones are followed, and how one is shown without whom it names as the user."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from reconciler.errors import InputError

Protocol = Literal["https", "http", "ssh", "file"]
_Build = Callable[[str], str]

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+")
_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:]+):(?P<path>[^:].*)")
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_REMEDY = "write it as https://HOST/PATH, ssh://USER@HOST/PATH, or as the path of a local repository"


class Address(Struct, frozen=True):
    """``url`` is what git is given, ``shown`` is for people; ``origin`` is ``https://host:port``, empty if not HTTP."""

    protocol: Protocol
    url: str
    shown: str
    origin: str = ""


def address_of(url: str, user: str | None = None) -> Address:
    """The URL, checked; ``user`` is whom to be for ssh where the URL doesn't say.

    Raises InputError, which never repeats a URL that holds credentials.
    """
    if not url.isprintable() or " " in url or not url:
        raise InputError("the git url is empty, or has spaces or characters that can't be shown", remedy=_REMEDY)
    if url.startswith("-") or _HELPER.match(url):
        raise InputError("the git url names an option or a helper program instead of a repository", remedy=_REMEDY)
    if "://" in url:
        return _with_scheme(url, user)
    if match := _SCP.fullmatch(url):
        host, path = match["host"].strip("[]"), match["path"]
        return _ssh(host, match["user"] or user, f":{path}", lambda who: f"{who}{match['host']}:{path}")
    return _local(url)


def _with_scheme(url: str, user: str | None) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError("the git url can't be understood", remedy=_REMEDY) from None
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        raise InputError(
            f"the git url of {parts.hostname} holds credentials", remedy="take them out: user and token name them"
        )
    if parts.query or parts.fragment:
        raise InputError("the git url has a query or a fragment", remedy=_REMEDY)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return _local(unquote(parts.path))
    host = parts.hostname or ""
    if parts.scheme == "ssh":
        at = _at(host, port)
        return _ssh(host, parts.username or user, parts.path, lambda who: f"ssh://{who}{at}{parts.path}")
    return _web(parts, host, port)


def _web(parts: SplitResult, host: str, port: int | None) -> Address:
    if parts.scheme not in ("https", "http"):
        raise InputError(f"git repositories aren't followed over {parts.scheme}", remedy=_REMEDY)
    _check_host(host)
    if parts.scheme == "http" and not _is_loopback(host):
        raise InputError(f"plain HTTP to {host} could be read and changed on its way", remedy="use https")
    origin = f"{parts.scheme}://{_at(host, port)}"
    url = f"{origin}{parts.path}"
    return Address("https" if parts.scheme == "https" else "http", url, url, origin)


def _ssh(host: str, user: str | None, path: str, build: _Build) -> Address:
    _check_host(host)
    if user is not None and not _USER.fullmatch(user):
        raise InputError("the user of the git url can't be used", remedy="use letters, digits, dots and hyphens")
    if path.lstrip(":/").startswith("-") or not path.strip(":/"):
        raise InputError("the path of the git url can't be used", remedy=_REMEDY)
    return Address("ssh", build(f"{user}@" if user else ""), build(""))


def _local(path: str) -> Address:
    absolute = os.path.abspath(path)
    return Address("file", absolute, absolute)


def _check_host(host: str) -> None:
    if not _HOST.fullmatch(host):
        raise InputError("the git url has no host, or one that can't exist", remedy=_REMEDY)


def _at(host: str, port: int | None) -> str:
    return (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
