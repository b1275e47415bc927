"""The command line before servers that aren't what they should be: nobody else sees a request, nobody a credential."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.api.conftest import Authority
from tests.e2e.conftest import MakeDesk
from tests.e2e.kit import PASSWORD, Desk, document

pytestmark = pytest.mark.ci
HERE = "IP:127.0.0.1,DNS:localhost"


@dataclass
class Listener:
    """A server that says nothing: what it was told, in clear or behind TLS, and by how many connections."""

    port: int
    connections: int = 0
    heard: bytearray = field(default_factory=bytearray)


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Listener(server.getsockname()[1])
        server.settimeout(0.05)
        ending = threading.Event()

        def serve() -> None:
            while not ending.is_set():
                with suppress(OSError):
                    connection, _ = server.accept()
                    found.connections += 1
                    connection.settimeout(2)
                    with context.wrap_socket(connection, server_side=True) if context else connection as inner:
                        found.heard += inner.recv(65536)
                        inner.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield found
        finally:
            ending.set()
            thread.join()


@pytest.fixture
def desk(make: MakeDesk) -> Desk:
    """A document, so that there is something to ask for."""
    made = make()
    made.write(document("SessionCookie", "console", samesite="Strict"))
    return made


def plan(desk: Desk, **variables: str) -> str:
    """Why a plan wasn't made."""
    env = {f"RECONCILER_{name}": value for name, value in variables.items()}
    return desk.run("plan", "desired-state", env=env).ended(1).err


def test_another_host_that_is_pointed_to_sees_no_connection(desk: Desk):
    with listening() as other:
        desk.center.fault(None, {"redirect": f"http://127.0.0.1:{other.port}/login"}, times=0)
        assert "redirects are never followed" in plan(desk)
        desk.center.clear_faults()
        desk.center.fault(None, {"redirect": f"http://127.0.0.1:{other.port}/"}, method="GET", times=0)
        assert "redirects are never followed" in plan(desk)
        assert other.connections == 0


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("expired", "expired"),
        ("wrong host", "another address"),
        ("unknown authority", "unknown authority"),
        ("old protocol", "no credential was sent"),
        ("no TLS", "doesn't speak TLS"),
    ],
)
def test_a_server_that_is_not_believed_is_told_nothing(desk: Desk, tmp_path: Path, case: str, words: str):
    (tmp_path / "ca").mkdir()
    authority = Authority(tmp_path / "ca")
    names, end = ("DNS:other.example" if case == "wrong host" else HERE), "210101000000Z"
    context = authority.server("one", names, **({"end": end} if case == "expired" else {}))
    if case == "old protocol":
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    trusted = {} if case == "unknown authority" else {"CA": str(authority.ca)}
    with listening(None if case == "no TLS" else context) as server:
        said = plan(desk, URL=f"https://127.0.0.1:{server.port}", **trusted)
        assert words in said
        assert server.connections >= 1
        assert PASSWORD.encode() not in server.heard
        assert b"login" not in server.heard
        assert bool(server.heard) is (case == "no TLS")  # the handshake's greeting, and nothing after it


def test_plain_http_leaves_this_machine_only_where_that_is_allowed(desk: Desk):
    said = plan(desk, URL="http://192.0.2.1:1")
    assert "credentials would go to 192.0.2.1 unencrypted" in said


def test_a_proxy_is_used_where_it_is_named_and_never_because_of_the_environment(desk: Desk):
    with listening() as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        desk.run("plan", "desired-state", env=dict.fromkeys(names, address)).ended(0)
        assert proxy.connections == 0
        plan(desk, PROXY=address, URL="https://control-center.example")
        assert proxy.connections >= 1
        assert proxy.heard.startswith(b"CONNECT control-center.example:443 ")
        assert PASSWORD.encode() not in proxy.heard


def test_a_bound_secret_is_sent_nowhere_else(desk: Desk):
    desk.secret("prod-admin", "canary-of-production")
    desk.secret("cc-password", PASSWORD)
    (desk.secrets / "cc-user").write_text("admin")
    desk.write(document("User", "eve", password={"secret": "prod-admin"}))
    config = """apiVersion: reconciler/v1
kind: Config
secrets:
  bindings:
    - {name: "prod-*", hosts: [control-center.example]}
targets:
  - {name: stage, system: metadefender, url: "%s", credentials: {user: cc-user, password: cc-password}}
"""
    (desk.folder / "c.yaml").write_text(config % desk.center.url)
    env = dict.fromkeys(("RECONCILER_URL", "RECONCILER_USER", "RECONCILER_PASSWORD"), "")
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        args = (command[0], "desired-state", *command[1:], "--config", "c.yaml")
        said = desk.run(*args, env=env).ended(1).err
        assert said.startswith("tree.yaml:1:")
        assert "secret-binding" in said
        assert "have secrets.bindings changed in the configuration" in said
    assert desk.center.requests() == []
    bound = {"name": "server-token", "hosts": ["daemon.example"]}
    text = (config % desk.center.url).replace('{name: "prod-*", hosts: [control-center.example]}', str(bound))
    (desk.folder / "c.yaml").write_text(text)
    more = {"RECONCILER_CONFIG": "c.yaml", "RECONCILER_SERVER_TOKEN": "canary-of-the-server-token"}
    said = desk.run("status", "--server", desk.center.url, env={**env, **more}).ended(1).err
    assert "the secret server-token is bound to other hosts than 127.0.0.1" in said
    assert desk.center.requests() == []
