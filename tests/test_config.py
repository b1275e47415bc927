"""``reconciler.yaml``: what is wrong with one, at its place; which targets it makes; what each takes of the tree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.config import ConfigFile, read_config
from reconciler.errors import InputError, InvalidTree
from reconciler.policy import Policy
from reconciler.secret import Secret
from reconciler.settings import Claim, Where, claims, targets
from reconciler.trees import load_for

HEAD = "apiVersion: reconciler/v1\nkind: Config\n"
RIVER = "system: brightriver, credentials: {client_token: br-client, session_token: br-session}"
BUNNY = "system: bunnystudio, credentials: {token: bunny-token}"
TWO = f"""{HEAD}targets:
  - {{name: retouching, url: "https://river.example", path: river, {RIVER}}}
  - {{name: studio, url: "https://bunny.example", path: [bunny, extra/more/], {BUNNY}}}
"""
FILE = """apiVersion: brightriver/v1
kind: FileRejection
metadata: {name: %s}
spec: {files: [%s]}
"""
USER = """apiVersion: metadefender/v1
kind: User
metadata: {name: alice}
spec: {password: {secret: bunny-token}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with the secrets that the configurations name, and no variable besides."""
    for name in ("CONFIG", "URL", "SYSTEM", "STATE", "SECRETS_DIR", "INSTALLERS", "TOKEN"):
        monkeypatch.delenv(f"RECONCILER_{name}", raising=False)
    for name in ("br-client", "br-session", "bunny-token", "cc-user", "cc-password"):
        monkeypatch.setenv(f"RECONCILER_SECRET_{name.upper().replace('-', '_')}", f"value of {name}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(text: str) -> str:
    """A configuration as a file; its name."""
    Path("c.yaml").write_text(text, encoding="utf-8")
    return "c.yaml"


def problems(text: str) -> list[str]:
    """What is wrong with a configuration."""
    with pytest.raises(InvalidTree) as caught:
        read_config(config(text))
    return [str(one) for one in caught.value.problems]


def lay(**files: str) -> None:
    """Files of the tree; ``__`` in a name is a slash."""
    for name, text in files.items():
        path = Path("tree", name.replace("__", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def loading(*chosen: str, text: str = TWO) -> list[list[str]]:
    """The documents of each chosen target."""
    where = Where(config=config(text), target=chosen)
    loaded = load_for("tree", targets(where, Policy()), claims(where))
    return [sorted(ref.name for ref in one.desired.resources) for one in loaded]


def refusals(*chosen: str, text: str = TWO) -> list[str]:
    """What is wrong with a tree."""
    with pytest.raises(InvalidTree) as caught:
        loading(*chosen, text=text)
    return [str(one) for one in caught.value.problems]


def target(**changed: Any) -> str:
    """A configuration with one sound target, but for what is changed; None takes a field away."""
    one = {
        "name": "studio",
        "system": "bunnystudio",
        "url": "https://bunny.example",
        "credentials": {"token": "bunny-token"},
    }
    one = {name: value for name, value in {**one, **changed}.items() if value is not None}
    return yaml.safe_dump({"apiVersion": "reconciler/v1", "kind": "Config", "targets": [one]}, sort_keys=False)


# --- what is wrong, and where


@pytest.mark.parametrize(
    ("changed", "word", "words"),
    [
        ({"colour": "red"}, "colour", "unknown field 'colour'"),
        ({"tls": {"insecure": True}}, "insecure", "unknown field 'insecure'"),
        ({"policy": {"budget": {"weekly": 3}}}, "weekly", "unknown field 'weekly'"),
        ({"system": "bunystudio"}, "bunystudio", "there is no such system"),
        ({"system": "bunystudio"}, "bunystudio", "Did you mean 'bunnystudio'?"),
        ({"system": 7}, "7", "targets.0.system: expected a text"),
        ({"credentials": {"apikey": "k"}}, "apikey", "the credentials of Bunny Studio are {token}"),
        ({"credentials": {"token": "t", "user": "u"}}, "token", "the credentials of Bunny Studio are {token}"),
        ({"credentials": {"token": "Bunny/../x"}}, "Bunny/../x", "characters, or a form"),
        ({"credentials": {"token": {"secret": "x"}}}, "secret", "expected a text"),
        ({"credentials": None}, "name", "the credentials of Bunny Studio are {token}"),
        ({"name": "a b"}, "a b", "characters, or a form"),
        ({"name": None}, "system", "targets.0.name: this field is required"),
        ({"url": ""}, "''", "at least 1 characters"),
        ({"path": "../other"}, "../other", "can't leave it"),
        ({"path": "a/../../b"}, "a/../../b", "can't leave it"),
        ({"path": "/etc"}, "/etc", "can't leave it"),
        ({"path": ["a", "../b"]}, "- a", "can't leave it"),
        ({"path": ""}, "''", "at least 1 characters"),
        ({"path": []}, "[]", "at least 1 entries"),
        ({"path": 5}, "5", "expected a text"),
        ({"path": ["a", 5]}, "5", "expected a text"),
        ({"settings": {"files": "ids"}}, "files", "has no setting 'files'"),
        ({"settings": {"x": 1}}, "1", "expected a text"),
        ({"policy": {"budget": {"destructive": -1}}}, "-1", "targets.0.policy.budget.destructive: expected at least 0"),
        ({"policy": {"budget": {"daily": "many"}}}, "many", "expected a whole number"),
        ({"policy": {"budget": {"daily": 2000000}}}, "2000000", "expected at most 1000000"),
        ({"policy": {"budget": 5}}, "5", "expected a map"),
        ({"policy": {"allow": ["deletions"]}}, "deletions", "expected one of"),
        ({"policy": {"prune": "please"}}, "please", "expected true or false"),
    ],
)
def test_every_problem_has_its_place(changed: dict[str, Any], word: str, words: str):
    text = target(**changed)
    [problem] = problems(text)
    match = re.fullmatch(r"c\.yaml:(\d+):(\d+): (.*)", problem)
    assert match is not None, problem
    assert words in match[3]
    line = text.splitlines()[int(match[1]) - 1]
    assert line[int(match[2]) - 1 :].startswith(word), f"{problem} is said of {line!r}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{HEAD}targets: []\n", "c.yaml:3:10: targets: expected at least 1 entries"),
        ("{HEAD}", "c.yaml:1:1: targets: this field is required"),
        ("kind: Config\ntargets: [{}]\n", "c.yaml:1:1: apiVersion: this field is required"),
        ("apiVersion: reconciler/v2\nkind: Config\n", "c.yaml:1:13: apiVersion: expected one of 'reconciler/v1'"),
        ("{HEAD}tagets: []\n", "c.yaml:3:1: unknown field 'tagets'"),
        ("- a\n", "c.yaml:1:1: expected a map (name: value)"),
        ("a: [\n", "c.yaml:2:1: "),
        ("{HEAD}---\n{HEAD}", "c.yaml:3:1: a second document begins here"),
        ("", "c.yaml:1:1: there is nothing in this file"),
        ("a: 1\na: 2\n", "c.yaml:2:1: "),
    ],
)
def test_problems_of_the_whole_file(text: str, problem: str):
    found = problems(text.replace("{HEAD}", HEAD))
    assert any(one.startswith(problem) for one in found), found


def test_two_targets_need_names_and_urls_of_their_own():
    text = TWO.replace("name: studio", "name: retouching").replace("https://bunny.example", "HTTPS://River.example/")
    same_name, same_url = problems(text)
    assert same_name == "c.yaml:5:12: two targets are called 'retouching'"
    assert same_url == "c.yaml:5:29: retouching has the same url"


@pytest.mark.parametrize("url", ["https://river.example.", "https://river.example:443", "https://RIVER.example//"])
def test_one_server_has_one_url_however_it_is_written(url: str):
    assert problems(TWO.replace("https://bunny.example", url)) == ["c.yaml:5:25: retouching has the same url"]


@pytest.mark.parametrize("url", ["https://river.example:8443", "http://river.example", "https://river.example/api"])
def test_servers_differ_in_port_scheme_or_path(url: str):
    assert len(read_config(config(TWO.replace("https://bunny.example", url))).targets) == 2


def test_a_url_that_holds_credentials_is_refused_before_anything_can_show_it(monkeypatch: pytest.MonkeyPatch):
    [problem] = problems(TWO.replace("https://river", "https://ann:c4nary@river"))
    assert "the url holds credentials" in problem
    assert "c4nary" not in problem
    monkeypatch.setenv("RECONCILER_URL", "https://c4nary@river.example")
    with pytest.raises(InputError, match="the url of the target holds credentials"):
        targets(Where(), Policy())


def test_all_problems_are_told_at_once():
    text = TWO.replace("path: river", "path: ..").replace("system: bunnystudio", "system: nothing")
    assert [one.split(": ")[0] for one in problems(text)] == ["c.yaml:4:60", "c.yaml:5:86"]


def test_a_file_that_cannot_be_read():
    with pytest.raises(InputError, match=r"none\.yaml can't be read: No such file"):
        read_config("none.yaml")
    with pytest.raises(InputError, match="can't be read: Is a directory"):
        read_config(".")


def test_the_example_is_sound():
    found = read_config(str(Path(__file__).parents[1] / "examples" / "reconciler.yaml"))
    assert len({one.system for one in found.targets}) == len(found.targets) == 3


# --- the targets


def test_every_target_and_what_is_its_own():
    river, bunny = targets(Where(config=config(TWO)), Policy())
    assert (river.name, river.url, river.paths) == ("retouching", "https://river.example", ("river",))
    assert (bunny.name, bunny.system.name, bunny.paths) == ("studio", "bunnystudio", ("bunny", "extra/more"))
    assert bunny.credentials == {"token": Secret("value of bunny-token")}
    assert river.reserved == {"br-client", "br-session", "bunny-token", "fingerprint-key"}
    assert river.state != bunny.state


def test_target_picks_in_the_order_of_the_file():
    where = Where(config=config(TWO), target=("studio", "retouching"))
    assert [one.name for one in targets(where, Policy())] == ["retouching", "studio"]
    assert [one.name for one in targets(Where(config="c.yaml", target=("studio",)), Policy())] == ["studio"]
    assert len(claims(Where(config="c.yaml", target=("studio",)))) == 2


def test_target_that_is_not_there():
    with pytest.raises(InputError, match=r"there is no target 'stdio'\. Did you mean 'studio'\?"):
        targets(Where(config=config(TWO), target=("stdio",)), Policy())
    with pytest.raises(InputError, match="--target picks from a configuration"):
        targets(Where(target=("studio",)), Policy())


@pytest.mark.parametrize("more", [{"url": "https://x.example"}, {"system": "bunnystudio"}])
def test_a_configuration_and_a_single_target_exclude_each_other(more: dict[str, str]):
    with pytest.raises(InputError, match="both given"):
        targets(Where(config=config(TWO), **more), Policy())  # type: ignore[arg-type]


def test_a_secret_that_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RECONCILER_SECRET_BUNNY_TOKEN")
    with pytest.raises(InputError, match="the secret bunny-token isn't there"):
        targets(Where(config=config(TWO)), Policy())
    assert len(targets(Where(config="c.yaml", target=("retouching",)), Policy())) == 1


def test_policy_is_the_targets_and_flags_add_to_it():
    policy = {"prune": True, "allow": ["redeploy"], "budget": {"destructive": 0, "daily": 1}}
    [one] = targets(Where(config=config(target(policy=policy))), Policy(allow=frozenset({"replace"})))
    assert one.policy.prune
    assert one.policy.allow == {"redeploy", "replace"}
    assert (one.policy.destructive, one.policy.daily) == (0, 1)
    [one] = targets(Where(config=config(target())), Policy())
    assert (one.policy.prune, one.policy.destructive, one.policy.daily) == (False, 5, 20)


def test_a_certificate_lies_beside_the_configuration(folder: Path):
    Path("conf").mkdir()
    Path("conf/c.yaml").write_text(target(tls={"ca": "ca.pem"}), encoding="utf-8")
    assert targets(Where(config="conf/c.yaml"), Policy())[0].ca == "conf/ca.pem"
    Path("conf/c.yaml").write_text(target(tls={"ca": f"{folder}/ca.pem"}), encoding="utf-8")
    assert targets(Where(config="conf/c.yaml"), Policy())[0].ca == f"{folder}/ca.pem"
    Path("conf/c.yaml").write_text(target(), encoding="utf-8")
    assert targets(Where(config="conf/c.yaml"), Policy())[0].ca is None


# --- the tree


@pytest.mark.parametrize(
    ("path", "paths"),
    [
        (".", (".",)),
        ("a/", ("a",)),
        ("./a", ("a",)),
        ("a/./b//c", ("a/b/c",)),
        ("a/..", (".",)),
        (["a", "b"], ("a", "b")),
    ],
)
def test_paths_in_their_shortest_form(path: Any, paths: tuple[str, ...]):
    assert read_config(config(target(path=path))).targets[0].paths == paths


@pytest.mark.parametrize(
    ("file", "covered"),
    [("a/x.yaml", True), ("a/b/x.yaml", True), ("ab/x.yaml", False), ("x.yaml", False), ("c.yaml", True)],
)
def test_a_claim_covers_its_folders(file: str, covered: bool):
    assert Claim("t", "v1", ("a", "c.yaml")).covers(file) is covered
    assert Claim("t", "v1").covers(file)


def test_each_target_takes_its_share():
    lay(river__a=FILE % ("r", "a"), river__deep__b=FILE % ("s", "b"))
    assert loading() == [["r", "s"], []]
    assert loading("studio") == [[]]


def test_a_document_that_no_target_takes_is_an_error():
    lay(river__a=FILE % ("r", "a"), bunny__a=FILE % ("s", "b"), stray=FILE % ("t", "c"))
    here, elsewhere = refusals()
    assert here.startswith("bunny/a.yaml:1:13: no target takes documents of this apiVersion here; it would be bunny")
    assert elsewhere.startswith("stray.yaml:1:13: no target takes documents from this folder; their folders are bunny,")
    assert refusals("retouching") == refusals()


def test_a_file_beside_the_targets_folders_that_is_none_of_ours_is_left_alone():
    lay(river__a=FILE % ("r", "a"), compose="services: {web: [}", ci__github="jobs: 1")
    assert loading() == [["r"], []]
    lay(river__a=FILE % ("r", "a"), river__compose="services: {web: [}")
    assert len(refusals()) == 1


def test_documents_cant_name_the_configurations_secrets():
    text = TWO + "  - {name: prod, system: metadefender, url: 'https://cc.example', path: cc,"
    text += " credentials: {user: cc-user, password: cc-password}}\n"
    lay(cc__users=USER)
    for chosen in ((), ("prod",), ("studio",)):
        [problem] = refusals(*chosen, text=text)
        assert problem == "cc/users.yaml:4:27: this secret is the reconciler's own: documents can't name it"
    lay(cc__users=USER.replace("bunny-token", "alice-password"))
    assert loading("prod", text=text) == [["alice"]]
    lay(cc__users=USER.replace("bunny-token", "fingerprint-key"))
    assert len(refusals("studio", text=text)) == 1


def test_reserved_are_the_names_of_all_credentials():
    assert ConfigFile.model_validate(yaml.safe_load(TWO)).reserved == {"br-client", "br-session", "bunny-token"}


def test_the_configuration_is_no_document():
    lay(river__a=FILE % ("r", "a"), reconciler=TWO, other=TWO)
    where = Where(config="tree/other.yaml")
    loaded = load_for("tree", targets(where, Policy()), claims(where))
    assert [len(one.desired.resources) for one in loaded] == [1, 0]
