"""TLS: whoever isn't believed gets no byte of a request, and the user is told why."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.api import Tls, make_http
from reconciler.api.tls import context_for
from reconciler.errors import ApiError, InputError, TlsFailure, Unreachable
from tests.api.server import QUICK, Key, Reply, client_of, get, go, listening, one, put, script, serving

if TYPE_CHECKING:
    from tests.api.conftest import Authority

HERE = "IP:127.0.0.1,DNS:localhost"


def test_a_private_authority_is_believed(authority: Authority) -> None:
    async def main() -> None:
        tls = Tls(ca=str(authority.ca))
        async with serving(script(Reply()), authority.server("good", HERE)) as server:
            for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
                async with client_of(url, tls=tls) as client:
                    await client.run(one(put()))
            assert [seen.headers["apikey"] for seen in server.seen] == ["key-1", "key-1"]

    go(main())


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("expired", "certificate has expired"),
        ("future", "not valid yet"),
        ("wrong-host", "for another address"),
        ("unknown-ca", "unknown authority"),
    ],
)
@pytest.mark.parametrize("request_", [get(), put()], ids=["read", "write"])
def test_no_credential_goes_to_a_server_that_is_not_believed(
    authority: Authority, case: str, words: str, request_: object
) -> None:
    context = {
        "expired": lambda: authority.server("expired", HERE, end="210101000000Z"),
        "future": lambda: authority.server("future", HERE, start="480101000000Z"),
        "wrong-host": lambda: authority.server("wrong", "DNS:other.example"),
        "unknown-ca": lambda: authority.server("good", HERE),
    }[case]()
    tls = Tls() if case == "unknown-ca" else Tls(ca=str(authority.ca))

    async def main() -> None:
        async with serving(script(Reply()), context) as server, client_of(server.url, tls=tls) as client:
            with pytest.raises(TlsFailure, match=f"{words}.*; no credential was sent") as caught:
                await client.run(one(request_))  # type: ignore[arg-type]
            assert caught.value.remedy
            assert server.seen == []
            assert server.connections <= 1

    go(main())


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
def test_an_old_protocol_is_refused(authority: Authority) -> None:
    context = authority.server("good", HERE)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")

    def serve(listener: socket.socket) -> str:
        """One connection; in a thread, as asyncio's server hangs up without the alert that real ones send."""
        connection, _ = listener.accept()
        with connection, pytest.raises(ssl.SSLError) as caught:
            context.wrap_socket(connection, server_side=True)
        return str(caught.value.reason)

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            served = asyncio.create_task(asyncio.to_thread(serve, listener))
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            async with client_of(url, tls=Tls(ca=str(authority.ca))) as client:
                with pytest.raises(TlsFailure, match="no TLS version or cipher that is safe; no credential was sent"):
                    await client.run(one(put()))
            assert await served == "UNSUPPORTED_PROTOCOL"

    go(main())


def test_a_wrong_name_is_told_from_a_wrong_address(authority: Authority) -> None:
    async def main() -> None:
        tls = Tls(ca=str(authority.ca))
        async with serving(script(Reply()), authority.server("wrong", "DNS:other.example")) as server:
            async with client_of(server.url.replace("127.0.0.1", "localhost"), tls=tls) as client:
                with pytest.raises(TlsFailure, match="for another host name"):
                    await client.run(one(put()))
            assert server.seen == []

    go(main())


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["plain HTTP", "hangs up"])
def test_a_server_without_tls_reads_no_credential(answer: bytes) -> None:
    async def main() -> None:
        received = bytearray()

        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.extend(await reader.read(65536))
            writer.write(answer)
            await writer.drain()

        async with listening(plain) as port, client_of(f"https://127.0.0.1:{port}", Key("c4nary")) as client:
            with pytest.raises(TlsFailure if answer else Unreachable) as caught:
                await client.run(one(put("/private-path")))
            assert ("doesn't speak TLS" if answer else "in the TLS handshake") in str(caught.value)
        assert received
        assert b"c4nary" not in received
        assert b"private-path" not in received

    go(main())


def test_an_alert_after_the_request_is_no_tls_failure(authority: Authority) -> None:
    """A TLS 1.3 server that wants a certificate of ours says so only after it has the request."""

    async def main() -> None:
        context = authority.server("good", HERE)
        context.load_verify_locations(authority.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        async with serving(script(Reply()), context) as server:
            async with client_of(server.url, tls=Tls(ca=str(authority.ca)), limits=QUICK) as client:
                with pytest.raises(ApiError) as caught:
                    await client.run(one(put()))
                assert not isinstance(caught.value, TlsFailure)
            assert server.seen == []

    go(main())


def test_contexts_are_shared_and_a_changed_ca_is_read_again(authority: Authority, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.ca.read_bytes())
    first = context_for(Tls(ca=str(ca)))
    assert context_for(Tls(ca=str(ca), allow_http=True)) is first
    assert first.minimum_version == ssl.TLSVersion.TLSv1_2
    assert first.verify_mode == ssl.CERT_REQUIRED
    assert first.check_hostname
    assert len(first.get_ca_certs()) == 1
    ca.write_bytes(authority.ca.read_bytes() + b"\n")
    assert context_for(Tls(ca=str(ca))) is not first
    assert context_for(Tls()) is context_for(Tls())


def test_an_unusable_ca_file_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    (tmp_path / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")
    for name in ("missing.pem", "empty.pem", "bad.pem", "", "nul\0"):
        with pytest.raises(InputError, match="CA file") as caught:
            make_http("https://a.example", tls=Tls(ca=str(tmp_path / name)))
        assert caught.value.remedy


def test_plain_http_loads_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    original = ssl.SSLContext.__new__

    def counting(cls: type[ssl.SSLContext], protocol: int) -> ssl.SSLContext:
        made.append(cls)
        return original(cls, protocol)

    monkeypatch.setattr(ssl.SSLContext, "__new__", counting)
    started = time.perf_counter()
    for _ in range(20):
        make_http("http://localhost", tls=Tls())
    assert made == []
    assert time.perf_counter() - started < 1
