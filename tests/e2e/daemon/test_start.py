"""What keeps a daemon from starting: told in one sentence, which names the setting and never its value."""

from __future__ import annotations

import pytest

from reconciler.web.settings import SHORTEST_TOKEN
from tests.e2e.daemon.kit import configure, running
from tests.e2e.kit import Desk, document

SHORT = "canary-of-15-ch"
RUN = ("run", "desired-state", "--listen", "127.0.0.1:0")


def refused(desk: Desk, setting: str, **env: str) -> None:
    assert len(SHORT) == SHORTEST_TOKEN - 1
    desk.canaries.add(SHORT)
    said = desk.run(*RUN, env=env).ended(1)
    assert f"{setting}: the token has fewer than 16 characters" in said.err
    assert "openssl rand -hex 32" in said.err
    assert desk.center.requests() == []
    desk.said_nothing_secret()


@pytest.mark.parametrize("role", ["READ", "PLAN", "OPERATE"])
def test_a_short_token_of_a_variable(desk: Desk, role: str):
    refused(desk, f"RECONCILER_{role}_TOKEN", **{f"RECONCILER_{role}_TOKEN": SHORT})


@pytest.mark.ci
def test_a_short_token_of_the_configuration_or_of_a_file(desk: Desk):
    (desk.secrets / "ci-token").write_text(SHORT + "\n")
    refused(desk, "RECONCILER_READ_TOKEN", RECONCILER_READ_TOKEN_FILE=str(desk.secrets / "ci-token"))
    configure(desk, {"prod": {"url": desk.center.url}}, tokens=[{"name": "ci", "role": "plan", "secret": "ci-token"}])
    refused(desk, "daemon.tokens: ci")


@pytest.mark.ci
def test_sixteen_characters_are_enough(desk: Desk):
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    with running(desk, env={"RECONCILER_READ_TOKEN": SHORT + "!"}) as daemon:
        daemon.becomes("converged")
