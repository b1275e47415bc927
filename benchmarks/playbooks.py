"""Fifty users as an Ansible playbook of `ansible.builtin.uri`, run again when all is as it should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from benchmarks.objects import PASSWORD as USER_PASSWORD
from benchmarks.objects import Mix, user_name
from benchmarks.results import Results, Row
from benchmarks.stage import Stage, staged
from benchmarks.timed import Job, in_turn, ratio
from benchmarks.worlds import PASSWORD, USER

LEAST = 20.0
HEADERS = {"apikey": "{{ session.json.session_id }}"}
ABSENT = "item.name not in (found.json | map(attribute='name') | list)"
Task = dict[str, Any]


def _uri(name: str, method: str, path: str, **more: Any) -> Task:
    return {"name": name, "ansible.builtin.uri": {"url": "{{ url }}" + path, "method": method, **more}}


def _login() -> Task:
    body = {"user": USER, "password": PASSWORD}
    return {**_uri("log in", "POST", "/login", body=body, body_format="json"), "register": "session"}


def _list() -> Task:
    return {**_uri("list the users", "GET", "/admin/user", headers=HEADERS), "register": "found"}


def _create() -> Task:
    return _uri("create the user", "POST", "/admin/user", headers=HEADERS, body="{{ item }}", body_format="json")


def _logout() -> Task:
    return _uri("log out", "POST", "/logout", headers=HEADERS)


def _each() -> list[Task]:
    """Each object looks for itself, as a module or a role for one object does."""
    ensure = {"name": "ensure the user", "ansible.builtin.include_tasks": "ensure.yaml", "loop": "{{ users }}"}
    return [_login(), ensure, _logout()]


def _lean() -> list[Task]:
    """One list for all objects: the least that a playbook can do."""
    return [_login(), _list(), {**_create(), "loop": "{{ users }}", "when": ABSENT}, _logout()]


def write_playbooks(folder: Path, stage: Stage) -> None:
    """each.yaml and lean.yaml."""
    folder.mkdir()
    users = [
        {
            "name": user_name(number),
            "directory_id": 1,
            "display_name": f"User {number}",
            "email": f"{user_name(number)}@example.com",
            "roles": ["1"],
            "password": USER_PASSWORD,
        }
        for number in range(stage.mix.users)
    ]
    for name, tasks in {"each": _each(), "lean": _lean()}.items():
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        play["vars"] = {"url": stage.control.url, "users": users}
        (folder / f"{name}.yaml").write_text(json.dumps([play]), encoding="utf-8")
    ensure = [_list(), {**_create(), "when": ABSENT}]
    (folder / "ensure.yaml").write_text(json.dumps(ensure), encoding="utf-8")


def measure(results: Results, folder: Path, peers: Path, count: int, rounds: int) -> None:
    """Both playbooks and our apply, in turn, over a Control Center that has all users."""
    click.echo(f"a converged job of {count} users beside Ansible", err=True)
    with staged(folder / "stage", Mix(users=count)) as stage:
        write_playbooks(folder / "playbooks", stage)
        env = {"ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False"}
        env |= {"ANSIBLE_HOME": str(folder / "ansible"), "PYTHONPATH": "", "LC_ALL": "C.UTF-8"}
        program = str(peers / "bin" / "ansible-playbook")
        jobs = {
            "ours": stage.ours("apply", "tree", "--yes"),
            **{name: Job([program, f"{name}.yaml"], folder / "playbooks", env) for name in ("each", "lean")},
        }
        found = in_turn(jobs, rounds)
        operations = stage.control.counts()["operations"]
    assert "createUser" not in operations, operations
    for name, words in {"each": "each user ensured by itself", "lean": "one list for all users"}.items():
        assert "failed=0" in found[name].out, found[name].out[-2000:]
        value = ratio(found, name, "ours")
        results.add(
            Row(
                f"a converged job of {count} users",
                f"{found['ours'].cpu:.2f} s CPU, {found['ours'].wall:.1f} s",
                f"Ansible 2.19, ansible.builtin.uri, {words}",
                f"{found[name].cpu:.2f} s CPU, {found[name].wall:.1f} s",
                f"{value:.1f} × faster (CPU), {ratio(found, name, 'ours', 'wall'):.1f} × (wall)",
                f"≥ {LEAST:g} × faster" if name == "each" else "",
                value >= LEAST if name == "each" else None,
            )
        )
