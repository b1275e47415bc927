"""Whatever is wrong: one clear sentence, what to do, exit 1, nothing written, no traceback, no secret."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.kit import PASSWORD, Desk, Result, document, mostly_ci, until, user

MakeDesk = Callable[..., Desk]
HTML = b"<!doctype html><title>Welcome</title><p>This is no Control Center."


@pytest.fixture(autouse=True)
def _tree(desk: Desk) -> None:
    """Something that would be done, were all well."""
    desk.write(document("SessionCookie", "console", samesite="Strict"), user("carol"))


def refused(result: Result, *words: str) -> None:
    """One sentence on standard error, what to do about it, and nothing else anywhere."""
    result.ended(1)
    assert result.out == ""
    lines = result.err.splitlines()
    assert lines[0].startswith("error: "), result.err
    assert len(lines) == 2, result.err
    assert lines[1].startswith("  ")
    for word in words:
        assert word in result.err, f"{word!r} isn't in {result.err!r}"


def each(desk: Desk, *words: str, env: dict[str, str] | None = None) -> None:
    """The same for people and for programs, when planning and when applying."""
    for args in (["plan", "desired-state"], ["apply", "desired-state", "--yes"]):
        refused(desk.run(*args, env=env), *words)
        assert desk.run(*args, "-o", "json", env=env).ended(1).out == ""
    assert desk.center.writes() == []


@contextmanager
def website() -> Iterator[str]:
    """A server that answers a page to everything."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(HTML)))
            self.end_headers()
            self.wfile.write(HTML)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the library's names

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_unreachable_server(desk: Desk):
    each(desk, "127.0.0.1:9", "can't be reached", env={"RECONCILER_URL": "http://127.0.0.1:9"})


@pytest.mark.ci
def test_a_host_that_isnt_there(desk: Desk):
    refused(desk.plan("--url", "https://nowhere.invalid:8892"), "nowhere.invalid", "can't be reached")


def test_wrong_credentials_are_tried_once(desk: Desk):
    refused(desk.plan(env={"RECONCILER_PASSWORD": "canary-wrong"}), "refused")
    desk.canaries.add("canary-wrong")
    assert [one["operationId"] for one in desk.center.requests()] == ["login"]
    refused(desk.apply(env={"RECONCILER_PASSWORD": "canary-wrong"}))
    assert [one["operationId"] for one in desk.center.requests()] == ["login", "login"]


@pytest.mark.ci
def test_a_wrong_api_key(desk: Desk):
    key = "0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e70"
    refused(desk.plan(env={"RECONCILER_APIKEY": key, "RECONCILER_USER": "", "RECONCILER_PASSWORD": ""}))
    desk.canaries.add(key)


@pytest.mark.ci
@pytest.mark.parametrize("missing", ["RECONCILER_USER", "RECONCILER_PASSWORD"])
def test_half_of_the_credentials(desk: Desk, missing: str):
    refused(desk.plan(env={missing: ""}), missing)
    assert desk.center.requests() == []


@pytest.mark.ci
def test_no_target(desk: Desk):
    each(desk, "--url", "RECONCILER_URL", env={"RECONCILER_URL": ""})


def test_tls_where_there_is_none(desk: Desk):
    each(desk, "TLS", env={"RECONCILER_URL": desk.center.url.replace("http:", "https:")})
    assert desk.center.requests() == []


@pytest.mark.parametrize("url", ["http://control-center.example:8892"])
def test_plain_http_to_another_machine(desk: Desk, url: str):
    each(desk, "unencrypted", env={"RECONCILER_URL": url})


@pytest.mark.ci
@pytest.mark.parametrize(
    "url",
    mostly_ci(["nonsense", "ftp://127.0.0.1", "http://", "http://user:pass@127.0.0.1", "http://[::1"], "nonsense"),
)
def test_what_is_no_url(desk: Desk, url: str):
    refused(desk.plan("--url", url))


def test_a_website(desk: Desk):
    with website() as url:
        each(desk, "not JSON", env={"RECONCILER_URL": url})
        desk.run("doctor", env={"RECONCILER_URL": url}).ended(1)


@pytest.mark.ci
def test_a_website_and_an_api_key(desk: Desk):
    with website() as url:
        env = {"RECONCILER_URL": url, "RECONCILER_APIKEY": "0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e71"}
        each(desk, "not JSON", env=env)


def test_a_file_that_cant_be_read(desk: Desk):
    (desk.tree / "more.yaml").symlink_to("nowhere.yaml")
    for args in (["validate", "desired-state"], ["plan", "desired-state"], ["apply", "desired-state", "--yes"]):
        result = desk.run(*args).ended(1)
        assert "more.yaml" in result.err
        assert result.out == ""
    assert desk.center.requests() == []


@pytest.mark.ci
@pytest.mark.parametrize("path", mostly_ci(["nowhere", "desired-state/tree.yaml/x"], "nowhere"))
def test_a_path_that_isnt_there(desk: Desk, path: str):
    for args in (["validate", path], ["plan", path], ["apply", path, "--yes"]):
        refused(desk.run(*args), path)


@pytest.mark.ci
def test_a_tree_that_doesnt_validate_is_applied_not_even_in_part(desk: Desk):
    desk.write(document("SessionCookie", "console", samesite="Strict"), document("User", "eve", emial="x"))
    for args in (["plan", "desired-state"], ["apply", "desired-state", "--yes", "-o", "json"]):
        result = desk.run(*args).ended(1)
        assert result.out == ""
        assert "tree.yaml:" in result.err
    assert desk.center.requests() == []


def test_a_role_that_is_neither_declared_nor_live(desk: Desk):
    desk.write(user("carol", roles=["analyst", "administrator"]), user("dave", roles=["administratr"]))
    for args in (["plan", "desired-state"], ["apply", "desired-state", "--yes", "-o", "json"]):
        result = desk.run(*args).ended(1)
        assert result.out == ""
        assert [line.split(": ")[0].split(":")[:2] for line in result.err.splitlines()[:2]] == [
            ["tree.yaml", "1"],
            ["tree.yaml", "3"],
        ]
        assert "'analyst'" in result.err
        assert "'administratr'" in result.err
    assert desk.center.writes() == []


def test_a_missing_secret(desk: Desk):
    (desk.secrets / "carol-password").unlink()
    desk.plan().ended(0)
    for args in ([], ["-o", "json"]):
        refused(
            desk.run("apply", "desired-state", "--yes", *args),
            "no value for the secret: carol-password (for User/carol)",
            "RECONCILER_SECRET_",
        )
    assert desk.center.writes() == []


@pytest.mark.ci
def test_an_empty_secret(desk: Desk):
    (desk.secrets / "carol-password").write_text("\n")
    assert desk.apply().ended(1).out == ""
    assert desk.center.writes() == []


@pytest.mark.ci
def test_a_secret_that_isnt_needed_may_be_missing(desk: Desk):
    desk.apply().ended(0)
    (desk.secrets / "carol-password").unlink()
    assert desk.apply().ended(0).steps == {}


@pytest.mark.ci
def test_a_secret_from_a_variable(desk: Desk):
    (desk.secrets / "carol-password").unlink()
    desk.canaries.add("canary-of-a-variable")
    desk.apply(env={"RECONCILER_SECRET_CAROL_PASSWORD": "canary-of-a-variable"}).ended(0)


def test_a_second_writer(desk: Desk):
    (desk.tree / "tree.yaml").unlink()
    desk.give_example()
    desk.center.options(deploy_seconds=3600)
    process = desk.start_apply()
    until(lambda: "putSession" in desk.center.sent() or "deployWorkers" in desk.center.sent(), "the first one writes")
    refused(desk.apply(), "--lock-timeout")
    assert desk.center.counts()["operations"]["login"] == 1
    desk.run("forget", "User", "carol").ended(1)
    desk.plan()  # reading beside a writer works
    desk.run("state", "list").ended(0)
    assert "cut short" in desk.run("history").ended(0).out
    waiting = desk.start_apply("--lock-timeout", "60")
    desk.center.advance(7200)
    desk.finished(process).ended(0)
    assert desk.finished(waiting).ended(0).json()["outcome"] == "converged"


BAD_FLAGS = [
    ["--allow", "everything"],
    ["--allow", "deletions"],
    ["--allow", "deletions=-1"],
    ["--allow", "deletions=lots"],
    ["--allow", "replace=1"],
    ["--only", "carol"],
    ["--only", "/"],
    ["--only", "User/"],
    ["--only", "User/nobody"],
    ["--parallelism", "0"],
    ["--timeout", "soon"],
    ["-o", "xml"],
    ["--nonsense"],
    ["--plan", "nowhere.json"],
    ["--out", "nowhere/report.json"],
]


@pytest.mark.parametrize(
    "flags", mostly_ci(BAD_FLAGS, ["--allow", "everything"], ["--only", "User/nobody"]), ids=" ".join
)
def test_bad_flags(desk: Desk, flags: list[str]):
    refused(desk.apply(*flags))
    assert desk.center.writes() == []


@pytest.mark.ci
def test_a_state_that_is_none(desk: Desk):
    (desk.folder / "state" / "state.db").write_bytes(b"no database, " * 1000)
    for args in (["plan", "desired-state"], ["apply", "desired-state", "--yes"], ["state", "list"], ["history"]):
        refused(desk.run(*args), "state.db")
    assert desk.center.writes() == []


@pytest.mark.ci
@pytest.mark.parametrize("state", ["nonsense", "mysql://x/y", "sqlite:////proc/nowhere/state.db"])
def test_a_state_that_cant_be(desk: Desk, state: str):
    refused(desk.apply("--state", state))


@pytest.mark.ci
def test_the_state_of_another_target(desk: Desk):
    desk.apply().ended(0)
    with website() as url:
        refused(desk.apply("--url", url))


@pytest.mark.ci
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cant_be_written_to(desk: Desk):
    (desk.folder / "state").chmod(0o500)
    refused(desk.apply())


def test_debug_shows_where_and_no_secret(desk: Desk):
    for args in (["--debug", "plan", "desired-state"], ["plan", "desired-state", "--debug"]):
        result = desk.run(*args, env={"RECONCILER_URL": "http://127.0.0.1:9"}).ended(1)
        assert "reconcile.py:" in result.err
        assert "Unreachable" in result.err
    with website() as url:
        desk.run("--debug", "apply", "desired-state", "--yes", env={"RECONCILER_URL": url}).ended(1)
    desk.run("--debug", "plan", "desired-state", env={"RECONCILER_PASSWORD": PASSWORD + "x"}).ended(1)
    desk.center.fault("createUser", {"status": 400, "body": json.dumps({"err": "canary/carol-password+é"})})
    desk.run("--debug", "apply", "desired-state", "--yes")


@pytest.mark.ci
@pytest.mark.parametrize("value", ["1", "anything"])
def test_any_value_switches_on(desk: Desk, value: str):
    desk.run("plan", "desired-state", env={"NO_COLOR": value, "RECONCILER_DEBUG": value}).ended(0)
