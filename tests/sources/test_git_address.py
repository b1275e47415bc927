"""Which URLs are followed, how they are shown, and what is refused before git is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.sources.git import GitSource, Repository
from reconciler.sources.git.address import address_of

CANARY = "canary-7f3a"
MIRROR = Path("mirror")


@pytest.mark.parametrize(
    ("url", "protocol", "given", "shown"),
    [
        ("https://h.example/a/b.git", "https", "https://h.example/a/b.git", "https://h.example/a/b.git"),
        ("HTTPS://h.example:8443/b", "https", "https://h.example:8443/b", "https://h.example:8443/b"),
        ("http://127.0.0.1:80/b", "http", "http://127.0.0.1:80/b", "http://127.0.0.1:80/b"),
        ("http://[::1]:81/b", "http", "http://[::1]:81/b", "http://[::1]:81/b"),
        ("http://localhost/b", "http", "http://localhost/b", "http://localhost/b"),
        ("ssh://ann@h.example:22/b", "ssh", "ssh://ann@h.example:22/b", "ssh://h.example:22/b"),
        ("ssh://h.example/b", "ssh", "ssh://bob@h.example/b", "ssh://h.example/b"),
        ("git@h.example:a/b.git", "ssh", "git@h.example:a/b.git", "h.example:a/b.git"),
        ("h.example:b", "ssh", "bob@h.example:b", "h.example:b"),
        ("ann@[::1]:b", "ssh", "ann@[::1]:b", "[::1]:b"),
        ("/srv/b.git", "file", "/srv/b.git", "/srv/b.git"),
        ("file:///srv/a%41", "file", "/srv/aA", "/srv/aA"),
        ("file://localhost/srv/b", "file", "/srv/b", "/srv/b"),
        ("./a:b", "file", str(Path.cwd() / "a:b"), str(Path.cwd() / "a:b")),
    ],
)
def test_urls(url: str, protocol: str, given: str, shown: str) -> None:
    address = address_of(url, "bob")
    assert (address.protocol, address.url, address.shown) == (protocol, given, shown)
    assert address.origin == (given.rpartition("/")[0].removesuffix("/a") if protocol in ("http", "https") else "")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "empty"),
        ("https://h/a b", "spaces"),
        ("https://h/a\nb", "can't be shown"),
        ("--upload-pack=x", "an option"),
        ("-oProxyCommand=x:y", "an option"),
        ("ext::sh -c x".replace(" ", ""), "helper program"),
        ("fd::3", "helper program"),
        ("https://h:port/x", "can't be understood"),
        ("https://[::1/x", "can't be understood"),
        ("https:///x", "no host"),
        ("https://-h/x", "no host"),
        ("ssh://-oProxyCommand=x/y", "no host"),
        ("-h:x", "an option"),
        ("a@-h:x", "no host"),
        ("ssh://h/-x", "path"),
        ("h:-x", "path"),
        ("ssh://h/", "path"),
        ("ssh://-u@h/x", "user"),
        ("git://h/x", "over git"),
        ("ftp://h/x", "over ftp"),
        ("file://h/x", "over file"),
        ("http://h.example/x", "plain HTTP to h.example"),
        ("http://127.0.0.1.evil.example/x", "plain HTTP"),
        (f"https://ann:{CANARY}@h/x", "holds credentials"),
        (f"https://{CANARY}@h/x", "holds credentials"),
        (f"ssh://ann:{CANARY}@h/x", "holds credentials"),
        (f"https://h/x?token={CANARY}", "query"),
        (f"https://h/x#{CANARY}", "fragment"),
    ],
)
def test_urls_that_are_refused(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        address_of(url)
    assert CANARY not in f"{caught.value.message} {caught.value.remedy}"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "/etc"}, "no folder"),
        ({"path": "a/../b"}, "no folder"),
        ({"path": "a\nb"}, "no folder"),
        ({"branch": "-x"}, "name of a branch"),
        ({"token": Secret("a\nb")}, "more than one line"),
        ({"token": Secret("")}, "is empty"),
        ({"token": Secret("t"), "user": "a\nb"}, "more than one line"),
        ({"token": Secret("t" * 5000)}, "too long"),
        ({"ssh_key": Secret("k")}, "an SSH key is of no use"),
        ({"url": "ssh://h/x", "token": Secret("t")}, "a git token is of no use"),
        ({"url": "/srv/x", "token": Secret("t")}, "a git token is of no use"),
        ({"url": "ssh://h/x"}, "without an SSH key"),
        ({"url": "ssh://h/x", "ssh_key": Secret("k")}, "isn't known"),
    ],
)
def test_repositories_that_are_refused(changes: dict[str, object], message: str) -> None:
    build: Callable[..., Repository] = Repository
    with pytest.raises(InputError, match=message) as caught:
        GitSource(build(**({"url": "https://h/x", "branch": "main", "mirror": MIRROR} | changes)))
    assert caught.value.remedy


def test_where() -> None:
    source = GitSource(
        Repository(
            url="git@h.example:a.git",
            branch="main",
            path="./clusters//prod/",
            mirror=MIRROR,
            ssh_key=Secret("k"),
            known_hosts="known",
        )
    )
    assert source.where == "h.example:a.git, branch main, folder clusters/prod"
    assert GitSource(Repository(url="https://h/x", branch="b", mirror=MIRROR)).where == "https://h/x, branch b"
