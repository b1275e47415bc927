"""Who may do what: every operation by every caller, tokens in every form, and what needs none."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import pytest
from starlette.requests import Request

from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.web.auth import Caller, Guard
from reconciler.web.operations import Operation
from reconciler.web.outer import local
from reconciler.web.settings import Role, Token
from reconciler.web.table import OPERATIONS
from tests.web.serving import TOKENS, Served, bearer, serving, settings

GUARDED = [operation for operation in OPERATIONS if operation.role is not None]
OPEN = [operation for operation in OPERATIONS if operation.role is None and not operation.schemes]
CALLERS = [None, *Role]


@pytest.fixture(scope="module")
def local_only() -> Iterator[Served]:
    """Without tokens, on a loopback address."""
    with serving(tokens=(), hosts=frozenset({"box.example"})) as server:
        yield server


@pytest.fixture(scope="module")
def closed() -> Iterator[Served]:
    """Without tokens, as if on another address."""
    with serving(tokens=(), loopback=False) as server:
        yield server


def url(operation: Operation) -> str:
    """Where to ask for it; the answer is none that takes long."""
    return operation.path.replace("{name}", "prod")


def ask(server: Served, operation: Operation, role: Role | None, **headers: str) -> int:
    # A body's wrong type is only looked at once the caller may ask: nothing happens, whatever the role.
    headers |= {"Accept": "application/json"}
    found = server.ask(operation.method, url(operation), role, headers=headers, content=b"")
    assert found.status_code < 400 or found.headers["content-type"] == "application/problem+json"
    return found.status_code


@pytest.mark.parametrize("role", CALLERS, ids=str)
@pytest.mark.parametrize("operation", GUARDED, ids=lambda one: one.id)
def test_every_operation_by_every_role(shared: Served, operation: Operation, role: Role | None):
    assert operation.role is not None
    order = list(Role)
    status = ask(shared, operation, role)
    if role is None:
        assert status == 401
    elif order.index(role) < order.index(operation.role):
        assert status == 403
    else:
        assert status in (200, 202, 415, 422), status


def test_roles_of_the_contract():
    found = {(operation.method, operation.path): operation.role for operation in OPERATIONS}
    assert found.pop(("POST", "/api/v1/plan")) is Role.PLAN
    nobody = {path for (_, path), role in found.items() if role is None}
    assert nobody == {"/healthz", "/readyz", "/api/v1/openapi.json", "/hooks/git"}
    assert {role for (method, _), role in found.items() if method == "GET"} == {Role.READ, None}
    assert {role for (method, _), role in found.items() if method == "POST"} == {Role.OPERATE, None}


@pytest.mark.parametrize("role", CALLERS, ids=str)
@pytest.mark.parametrize("operation", OPEN, ids=lambda one: one.id)
def test_open_to_everybody(shared: Served, closed: Served, operation: Operation, role: Role | None):
    assert ask(shared, operation, role) == 200
    assert ask(closed, operation, None) == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer wrong",
        "Bearer read-token-012345678",
        "Bearer read-token-01234567890",
        "Bearer READ-TOKEN-0123456789",
        "Bearer read-token-0123456789 x",
        "Basic read-token-0123456789",
        "read-token-0123456789",
        "Bearer \u00ff".encode("latin-1"),
    ],
)
def test_wrong_tokens(shared: Served, header: str | bytes):
    raw = header if isinstance(header, bytes) else header.encode()
    with shared.client() as client:
        answer = client.get("/api/v1/targets", headers=[(b"Authorization", raw)])
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "token-0123456789" not in answer.text


def test_two_authorizations_are_none(shared: Served):
    both = [("Authorization", bearer(role)["Authorization"]) for role in (Role.READ, Role.OPERATE)]
    with shared.client() as client:
        assert client.get("/api/v1/targets", headers=both).status_code == 401


def test_the_scheme_is_any_case(shared: Served):
    with shared.client() as client:
        headers = {"Authorization": "bEARER  read-token-0123456789"}
        assert client.get("/api/v1/targets", headers=headers).status_code == 200


def test_a_token_in_the_query_is_none(shared: Served):
    assert shared.ask("GET", "/api/v1/targets?access_token=read-token-0123456789", None).status_code == 401


@pytest.mark.parametrize("operation", GUARDED, ids=lambda one: one.id)
def test_without_tokens(local_only: Served, closed: Served, operation: Operation):
    assert operation.role is not None
    assert ask(closed, operation, None) == 401
    if operation.role is Role.READ:
        assert ask(local_only, operation, None) in (200, 422)
    else:
        assert ask(local_only, operation, None) == 403


def test_a_wrong_token_is_not_taken_for_none(local_only: Served):
    assert local_only.ask("GET", "/api/v1/targets", "wrong").status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/targets", "/metrics", "/api/v1/openapi.json", "/", "/hooks/git"])
def test_other_names_are_refused_where_nothing_is_asked_for(local_only: Served, path: str):
    for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "[", "1.2.3"):
        answer = local_only.ask("GET", path, None, headers={"Host": host})
        assert answer.status_code == 421, host
        assert "prod" not in answer.text
    assert local_only.ask("GET", "/healthz", None, headers={"Host": "evil.example"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "a.localhost", "127.0.0.1:9", "[::1]:8080", "10.0.0.7", "box.example:8080"]
)
def test_own_names_are_taken(local_only: Served, host: str):
    assert local_only.ask("GET", "/api/v1/targets", None, headers={"Host": host}).status_code == 200
    assert local(host, {"box.example"})


def test_with_tokens_any_name_will_do(shared: Served):
    assert shared.ask("GET", "/api/v1/targets", headers={"Host": "status.example"}).status_code == 200


def request(header: str) -> Request:
    return Request({"type": "http", "headers": [(b"authorization", header.encode("latin-1"))]})


def test_each_token_is_told_from_the_others():
    guard = Guard(settings())
    for token in TOKENS:
        assert guard.who(request(f"Bearer {token.secret.reveal()}")) == Caller(token.name, token.role)
        assert guard.bearer(token.secret.reveal()) == Caller(token.name, token.role)
    assert guard.bearer("") is None


def test_tokens_may_hold_any_character():
    odd = Token("odd", Role.READ, Secret("pässwörd ✓"))
    assert Guard(settings(tokens=(odd,))).bearer("pässwörd ✓") == Caller("odd", Role.READ)


def test_two_tokens_with_one_value_are_refused():
    twins = tuple(Token(name, role, Secret("same")) for name, role in (("ci", Role.PLAN), ("ops", Role.OPERATE)))
    with pytest.raises(InputError, match=r"^the tokens ci and ops have the same value$"):
        Guard(settings(tokens=twins))


def test_a_guard_keeps_no_token():
    guard = Guard(settings())
    kept = repr(vars(guard))
    assert not any(token.secret.reveal() in kept for token in TOKENS)
    assert guard._known[0][0] != Guard(settings())._known[0][0], "the key is another one each time"


def test_all_tokens_are_compared(monkeypatch: pytest.MonkeyPatch):
    """The time tells neither how much of a token fits nor which one it was: digests are compared, all of them."""
    seen: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        seen.append((len(one), len(other)))
        return compare(one, other)

    guard = Guard(settings())
    monkeypatch.setattr(hmac, "compare_digest", watched)
    for token in ("x", "read-token-0123456789", "operate-token-0123456789"):
        seen.clear()
        guard.bearer(token)
        assert seen == [(32, 32)] * len(TOKENS)
