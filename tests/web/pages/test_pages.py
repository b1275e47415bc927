"""What the pages say, over real HTTP and without JavaScript."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from reconciler.daemon.state import ObjectState, Sync
from reconciler.web.pages.happenings import happenings
from reconciler.web.settings import Role
from tests.render import samples
from tests.web.pages import stage
from tests.web.pages.conftest import Opened
from tests.web.pages.reading import Page

ROOT = Path(__file__).parents[3]
BEARER = {"Authorization": f"Bearer {stage.TOKENS[Role.OPERATE]}"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
STAGES = [stage.stage, stage.broken, stage.hostile]


def paths(control: stage.Stage) -> list[str]:
    return ["/", "/events", "/login", "/targets/nothing", *(f"/targets/{name}" for name in control.targets)]


@pytest.fixture
def shown(opened: Opened) -> Any:
    """The pages of a stage as an operator's bearer token gets them."""

    def show(control: stage.Stage, path: str = "/") -> Page:
        return Page(opened(control).get(path, headers=BEARER).text)

    return show


@pytest.mark.parametrize("make", STAGES)
def test_each_page_is_strict_and_whole(opened: Opened, make: Any):
    control = make()
    client = opened(control)
    for path in paths(control):
        answer = client.get(path, headers=BEARER)
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        page = Page(answer.text)
        assert page.title.endswith(" – reconciler")
        assert [one.attrs for one in page.of("script")] == [{"src": page.one("script")["src"], "defer": None}]
        assert not page.of("style")
        assert not [one for one in page.all for name in one.attrs if name == "style" or name.startswith("on")]
        levels = [int(one.tag[1]) for one in page.all if re.fullmatch("h[1-6]", one.tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels)), levels
        ids = [one["id"] for one in page.all if "id" in one.attrs]
        assert len(ids) == len(set(ids)), sorted(id for id in ids if ids.count(id) > 1)
        described = " ".join(one.attrs.get(name) or "" for one in page.all for name in ("aria-labelledby", "for"))
        assert set(described.split()) <= set(ids)


def test_whatever_comes_from_elsewhere_is_only_text(opened: Opened):
    client = opened(stage.hostile())
    calm = opened(stage.stage())
    names = {name for path in ("/", "/events", "/targets/lab", "/targets/prod", "/targets/archive")
             for one in Page(calm.get(path, headers=BEARER).text).all for name in (one.tag, *one.attrs)}  # fmt: skip
    names |= {"fieldset"}
    for path in ("/", "/events", "/targets/prod", "/?q=" + "%3Cscript%3E%22'%E2%80%AE", "/events?target=%3Cb%3E%00"):
        answer = client.get(path, headers=BEARER)
        assert answer.status_code == 200
        page = Page(answer.text)
        assert {name for one in page.all for name in (one.tag, *one.attrs)} <= names
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", answer.text)
        assert "<script>" not in answer.text
        assert "49" not in page.title
        if "?" not in path:
            assert r"<script>alert('x')</script>" in page.one("main").text
            assert r"\u202etxt.exe\u0000\u001b[31m\n{{ 7*7 }}" in page.one("main").text


def test_the_overview_tells_what_needs_somebody_first(shown: Any, made: stage.Stage):
    page = shown(made)
    assert page.title == "2 failing, 1 blocked, 1 drifted – reconciler"
    states = [row.text.split()[0] for row in page.of("tr") if "tbody" in row.inside]
    assert states == "failing failing blocked drifted progressing suspended waiting standby converged".split()
    assert "https://dmz.example:8892 can't be reached: connection refused" in page.text
    assert "olga: storage is moved to the new rack" in page.text
    assert "the replica replica-b works on it" in page.text
    assert "9c1185a5c5e9 since 5 h ago" in page.text


def test_when_all_is_well_the_title_says_so(shown: Any):
    control = stage.stage()
    well = stage.Stage(control.source, [stage.target("a"), stage.target("b")])
    assert shown(well).title == "All 2 converged – reconciler"
    assert shown(stage.Stage(control.source, [])).title == "No targets – reconciler"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("state=failing", ["lab", "dmz"]),
        ("q=PROD", ["prod"]),
        ("q=replica", []),
        ("state=blocked&q=lab", []),
        ("sort=name&state=failing", ["dmz", "lab"]),
        ("sort=%3Cb%3E&state=%3Cb%3E&page=-1&q=prod", ["prod"]),
        ("page=99999&q=prod", ["prod"]),
        ("page=%C2%B2&q=prod", ["prod"]),
    ],
)
def test_targets_are_filtered_and_sorted_by_the_address(shown: Any, made: stage.Stage, query: str, names: list[str]):
    page = shown(made, f"/?{query}")
    assert [one.text.split()[0] for one in page.of("th", scope="row")] == names
    assert names or "No target fits" in page.text


def test_a_thousand_targets_are_paged(opened: Opened):
    client = opened(stage.crowd(1000))
    answer = client.get("/", headers=BEARER)
    assert len(answer.content) < 100_000
    seen, path = [], "/"
    while path:
        page = Page(client.get(path, headers=BEARER).text)
        seen += [one.text.split()[0] for one in page.of("th", scope="row")]
        following = page.of("a", rel="next")
        path = following[0]["href"] if following else ""
    assert len(seen) == len(set(seen)) == 1000
    assert seen[:4] == ["t0007", "t0011", "t0013", "t0000"]


def test_a_tree_that_was_never_sound_is_explained(shown: Any):
    page = shown(stage.broken())
    assert "No sound revision yet, so nothing is enforced" in page.text
    assert page.title == "Source not sound, 1 waiting – reconciler"
    assert "prod/users.yaml:12:5 unknown field 'emial' (did you mean 'email'?)" in page.text


def test_an_unsound_revision_is_told_beside_the_one_in_force(shown: Any, made: stage.Stage):
    source = stage.broken().source
    page = shown(stage.Stage(replace(source, revision=samples.REVISION), list(made.targets.values())))
    assert "The newest revision isn’t in force" in page.text
    assert "draft was seen; 9c1185a5c5e9, the last sound one, goes on being enforced" in page.text


def test_a_target_shows_its_plan_what_is_held_back_and_its_past(shown: Any, made: stage.Stage):
    page = shown(made, "/targets/lab")
    assert page.title == "lab: failing – reconciler"
    assert samples.DIGEST in page.text
    assert "Warning: role names of 3 users can't be checked" in page.text
    assert "Blocked by service-frozen-after-deploy: 2 instances are deployed" in page.text
    assert "To allow it: --allow redeploy" in page.text
    assert "Held by prune-disabled" in page.text
    assert '"alice@old.example"' in [one.text for one in page.of("del")]
    assert '"alice@example.com"' in [one.text for one in page.of("ins")]
    assert "no answer within 30 s; may or may not be done" in page.text
    assert "#40" in page.text
    assert "since 1 h ago" in page.text
    assert "no answer within 30 s" in page.text
    passes = [row.text for row in page.of("tr") if row.attrs.get("id", "").startswith("pass-")]
    assert [one.split()[0] for one in passes] == ["#40", "#39", "#38", "#37", "#13", "#12"]
    assert "not finished" in passes[-1]
    assert "ordered suspend, by olga none for 1 hour: storage is moved" in passes[-2]


def test_objects_stand_by_kind_with_sync_beside_health(shown: Any, made: stage.Stage):
    page = shown(made, "/targets/prod")
    trees = {one["id"]: "open" in one.attrs for one in page.of("details") if one["id"].startswith("kind-")}
    assert trees == {"kind-Role": True, "kind-Service": False, "kind-User": True, "kind-Worker": True}
    rows = [one.text for one in page.all if "data-object" in one.attrs]
    assert "bob failed missing 400: e-mail address bob@example.com is taken" in rows
    assert "worker-9 blocked degraded budget: a pass may do 5; disconnected" in rows
    assert "worker-1 synced healthy connected" in rows


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dmz", "The last pass failed, 12 times in a row https://dmz.example:8892 can't be reached"),
        ("dmz", "Start it, or correct the address in the configuration"),
        ("fresh", "The first pass isn’t done yet"),
        ("edge", "The replica replica-b holds this target’s lease"),
        ("archive", "Suspended by olga 2 h ago storage is moved to the new rack Resumes by itself in 2 h"),
        ("apac", "observe: drift is told, nothing is written"),
        ("prod", "Maintenance window no maintenance window is open; the next one opens at 2026-03-07 02:00 UTC"),
        ("staging", "Next pass running now"),
    ],
)
def test_each_state_is_told_in_words(shown: Any, made: stage.Stage, name: str, told: str):
    assert told in shown(made, f"/targets/{name}").text


def test_a_long_plan_and_many_objects_are_cut_until_all_are_asked_for(shown: Any):
    many = samples.many(300)
    objects = tuple(ObjectState("User", f"u{n:04}", Sync.SYNCED) for n in range(300))
    control = stage.Stage(stage.stage().source, [stage.target("big", "blocked", plan=many, objects=objects)])
    short, long = shown(control, "/targets/big"), shown(control, "/targets/big?all=1")
    assert len(short.of("article")) == 201
    assert len([one for one in short.all if "data-object" in one.attrs]) == 200
    assert "Show 103 more steps" in short.text
    assert "301" in short.text
    assert len(long.of("article")) == 304
    assert len([one for one in long.all if "data-object" in one.attrs]) == 300


def test_what_the_state_cannot_tell_is_said_and_the_rest_is_shown(shown: Any, made: stage.Stage):
    made.locked = True
    page = shown(made, "/targets/lab")
    assert "Part of the state can’t be shown: the state is in use by another process" in page.text
    assert samples.DIGEST in page.text


def test_an_unknown_target_is_a_page_too(opened: Opened, made: stage.Stage):
    answer = opened(made).get("/targets/%3Cb%3E", headers=BEARER)
    assert answer.status_code == 404
    assert "There is no target '<b>'" in Page(answer.text).text


def test_events_are_listed_newest_first(shown: Any, made: stage.Stage):
    page = shown(made, "/events")
    told = [one.text for one in page.of("li") if "ol" in one.inside]
    assert len(told) == 5
    assert "lab is failed" in told[0]
    assert "lab create User/bob: failed, 400: the address is taken" in told[1]
    assert "The revision 9c1185a5c5e9 is in force" in told[4]
    assert [one["href"] for one in page.of("a") if "ol" in one.inside] == [
        f"/targets/{n}" for n in "lab lab lab emea".split()
    ]
    assert len(shown(made, "/events?target=emea").of("ol")) == 1
    assert "Nothing has happened yet" in shown(made, "/events?target=apac").text


def test_each_event_is_a_sentence(made: stage.Stage):
    before = made.feed.since(0)[-1].id
    made.feed.tell("pass-ended", "lab", verdict="converged", steps=3)
    made.feed.tell("ordered", "lab", order="suspend", by="olga", words="for 1 hour: disk swap")
    made.feed.tell("woken", None, by="")
    made.feed.tell("source", revision=None, sound=False)
    made.feed.tell("target", "lab", phase="running", verdict=None)
    made.feed.tell("moon-rose", None, colour="red", size=None)
    told = [one["words"] for one in happenings(made.feed.since(before))]
    assert told[::-1] == [
        "a pass ended: converged",
        "olga ordered suspend: for 1 hour: disk swap",
        "woken by a webhook",
        "No revision is in force; the newest revision isn’t sound",
        "is not looked at yet, and running now",
        "moon rose, colour red",
    ]


def test_a_fragment_is_the_changing_part_alone(opened: Opened, made: stage.Stage):
    client = opened(made)
    whole = Page(client.get("/", headers=BEARER).text)
    part = Page(client.get("/", headers=BEARER | {"Reconciler-Fragment": "1"}).text)
    assert part.title == whole.title
    assert not part.of("header")
    ids = [[one["id"] for one in page.all if "data-part" in one.attrs] for page in (whole, part)]
    assert ids[0] == ids[1] == ["headline", "source", "chips", "targets"]


def test_the_script_listens_to_every_event_that_the_daemon_tells():
    sources = "".join(path.read_text() for path in sorted((ROOT / "reconciler" / "daemon").rglob("*.py")))
    told = set(re.findall(r'feed\.tell\(\s*"([\w-]+)"', sources))
    script = (ROOT / "reconciler/web/static/page.js").read_text()
    known = re.search(r"const EVENTS = \[(.*?)\]", script)
    assert known
    assert {"target", "source"} <= told <= set(re.findall('"(.*?)"', known[1]))


def test_assets_are_kept_for_ever_under_their_content(opened: Opened, made: stage.Stage):
    client = opened(made)
    page = Page(client.get("/login").text)
    for path, kind in ((page.one("script")["src"], "text/javascript"), (page.of("link")[1]["href"], "text/css")):
        answer = client.get(path)
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        mark = path.split("/")[2]
        assert client.get(path.replace(mark, "0" * 16)).status_code == 404
        assert client.get(f"/static/{mark}/..%2f..%2fapp.py").status_code == 404
        assert "://" not in answer.text, "nothing comes from elsewhere"


def test_the_live_stream_is_for_those_who_see_the_page(opened: Opened, made: stage.Stage):
    client = opened(made)
    listening = {"Accept": "text/event-stream"}
    assert client.get("/events/live", headers=listening).status_code == 401
    *_, before, _ = made.feed.since(0)
    with client.stream("GET", f"/events/live?since={before.id}", headers=listening | BEARER) as answer:
        lines = answer.iter_lines()
        assert "event: target" in (next(lines) for _ in range(8))
        made.soon("emea", verdict="failed")
        assert any('"verdict":"failed"' in line and "emea" in line for line in lines)


def test_head_has_no_body(opened: Opened, made: stage.Stage):
    answer = opened(made).head("/", headers=BEARER)
    assert (answer.status_code, answer.content) == (httpx.codes.OK, b"")
