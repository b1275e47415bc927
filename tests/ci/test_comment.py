"""One comment on a pull request, on both forges: made once, changed in place, never a stranger's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.comment import body_of, place_from, put
from reconciler.comment.posting import Posted
from reconciler.errors import InputError, LoginRefused, NoRights, NotFound, Refused, ServerFault
from reconciler.secret import Secret
from tests.ci.forge import PERSON, READER, ROBOT, WORKFLOW, FakeForge, forging


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest) -> Iterator[FakeForge]:
    with forging(request.param) as found:
        yield found


def post(forge: FakeForge, text: str, *, token: str = PERSON, context: str = "default", **more: Any) -> Posted:
    place = place_from(forge.env(), number=more.pop("number", None), repository=more.pop("repository", None))
    marker, body = body_of(context, place.forge.limit, markdown=text)
    return asyncio.run(put(place, Secret(token), marker, body, pauses=(0.0, 0.0), **more))


def test_it_is_made_once_and_then_changed_in_place(forge: FakeForge):
    forge.say("bob", "looks good")
    assert post(forge, "first").done == "created"
    assert post(forge, "second").done == "updated"
    assert post(forge, "second").done == "unchanged"
    assert [one.body for one in forge.comments] == ["looks good", "<!-- reconciler plan: default -->\n\nsecond\n"]
    assert forge.writes == ["POST", "PATCH" if forge.kind == "github" else "PUT"]


def test_each_context_has_its_own(forge: FakeForge):
    for text in ("one", "two"):
        post(forge, text, context="prod")
        post(forge, text, context="prod.eu")
    assert len(forge.by("alice")) == 2
    assert all("two" in one.body for one in forge.by("alice"))


def test_a_stranger_s_comment_with_the_marker_is_not_touched(forge: FakeForge):
    bait = forge.say("mallory", "<!-- reconciler plan: default -->\n\nall is well")
    gone = forge.say(None, "<!-- reconciler plan: default -->")
    assert post(forge, "the plan").done == "created"
    assert post(forge, "another").done == "updated"
    assert (bait.body, gone.body) == (
        "<!-- reconciler plan: default -->\n\nall is well",
        "<!-- reconciler plan: default -->",
    )
    assert [one.body.splitlines()[-1] for one in forge.by("alice")] == ["another"]


def test_our_comment_that_merely_quotes_the_marker_is_not_it(forge: FakeForge):
    quoted = forge.say("alice", "see <!-- reconciler plan: default -->")
    assert post(forge, "the plan").done == "created"
    assert quoted.body == "see <!-- reconciler plan: default -->"


def test_it_is_found_on_a_later_page(forge: FakeForge):
    forge.page = 10
    for number in range(25):
        forge.say("bob", f"{number}")
    forge.say("alice", "<!-- reconciler plan: default -->\n\nold")
    for number in range(7):
        forge.say("bob", f"{number}")
    assert post(forge, "new").done == "updated"
    assert forge.writes != ["POST"]
    assert sum(method == "GET" and "/user" not in path for method, path in forge.asked) == 3


def test_a_server_that_fails_is_tried_again(forge: FakeForge):
    forge.slow_reads = [502]
    forge.failures = [503, 500]
    assert post(forge, "the plan").done == "created"
    assert len(forge.by("alice")) == 1


def test_a_lost_answer_makes_no_second_comment(forge: FakeForge):
    forge.failures = [0]
    assert post(forge, "the plan").done == "unchanged"
    assert len(forge.comments) == 1
    assert forge.writes == ["POST"]


def test_a_server_that_goes_on_failing_is_an_error(forge: FakeForge):
    forge.failures = [429] * 3
    with pytest.raises(ServerFault, match="429"):
        post(forge, "the plan")
    assert forge.failures == []
    assert forge.comments == []


def test_a_token_without_the_right_says_which_one_it_takes(forge: FakeForge):
    with pytest.raises(NoRights, match="403") as caught:
        post(forge, "the plan", token=READER)
    assert caught.value.remedy is not None
    assert {"github": "pull-requests: write", "gitlab": "scope api"}[forge.kind] in caught.value.remedy
    assert READER not in str(caught.value)


def test_an_unknown_token_and_an_unknown_place(forge: FakeForge):
    with pytest.raises(LoginRefused):
        post(forge, "the plan", token="canary-of-nobody")
    with pytest.raises(NotFound, match="8 of"):
        post(forge, "the plan", number=8)
    assert forge.writes == []


def test_what_is_refused_for_good_is_not_tried_again(forge: FakeForge):
    forge.failures = [422]
    with pytest.raises(Refused, match="422: no, 422"):
        post(forge, "the plan")
    assert forge.writes == ["POST"]


def test_a_system_note_is_no_comment():
    with forging("gitlab") as forge:
        forge.say("alice", "<!-- reconciler plan: default -->", system=True)
        assert post(forge, "the plan").done == "created"


def test_a_workflow_s_token_may_not_ask_who_it_is():
    with forging("github") as forge:
        for text in ("one", "two"):
            post(forge, text, token=WORKFLOW)
        assert [one.author for one in forge.comments] == [ROBOT]


def test_the_author_can_be_said():
    with forging("github") as forge:
        forge.say("my-app[bot]", "<!-- reconciler plan: default -->\n\nold")
        assert post(forge, "new", token=WORKFLOW, author="my-app[bot]").done == "updated"
        assert ("GET", "/user") not in forge.asked


# --- which pull request is meant


def test_the_number_comes_from_the_ref_or_the_event(tmp_path):
    env = {"GITHUB_REPOSITORY": "acme/clusters"}
    event = tmp_path / "event.json"
    event.write_text('{"pull_request": {"number": 12}}')
    place = place_from({**env, "GITHUB_REF": "refs/pull/7/merge", "GITHUB_EVENT_PATH": str(event)})
    assert (place.number, place.api, place.repository) == (7, "https://api.github.com", "acme/clusters")
    assert place_from({**env, "GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_PATH": str(event)}).number == 12
    assert place_from({**env, "GITHUB_REF": "refs/pull/7/merge"}, number=3).number == 3


@pytest.mark.parametrize(
    "event", ["{}", "[]", "null", '{"pull_request": {"number": true}}', '{"issue": {"number": 1}}']
)
def test_an_event_about_no_pull_request_is_none(tmp_path, event: str):
    (tmp_path / "event.json").write_text(event)
    env = {"GITHUB_REPOSITORY": "acme/clusters", "GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    with pytest.raises(InputError, match="this job is about none"):
        place_from(env)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, "on GitHub or on GitLab"),
        ({"GITHUB_REPOSITORY": "a/b", "CI_PROJECT_ID": "1"}, "on GitHub or on GitLab"),
        ({"GITHUB_REPOSITORY": "a/../b"}, "which repository"),
        ({"GITHUB_REPOSITORY": "a"}, "which repository"),
        ({"CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "x"}, "which merge request"),
        (
            {"GITHUB_REPOSITORY": "a/b", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_API_URL": "http://u:p@h"},
            "credentials",
        ),
        ({"GITHUB_REPOSITORY": "a/b", "GITHUB_EVENT_PATH": "/nowhere"}, "can't be read"),
    ],
)
def test_a_place_that_is_not_clear_is_refused(env: dict[str, str], words: str):
    with pytest.raises(InputError, match=words):
        place_from(env)


def test_a_token_never_goes_out_unencrypted():
    place = place_from({"GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": "http://forge.example"}, number=1)
    with pytest.raises(InputError, match="unencrypted"):
        asyncio.run(put(place, Secret("x"), "m", "m"))
