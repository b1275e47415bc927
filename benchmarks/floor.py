"""The floor of a plan: parse the same files, send the same GETs, decode their JSON, keep it all. Nothing else.

Started by itself: `python benchmarks/floor.py TREE URL USER PASSWORD PATH…`; prints how many documents and entries.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml


def logged_in(http: httpx.Client, user: str, password: str) -> dict[str, str]:
    """The header of a session."""
    answer = http.post("/login", json={"user": user, "password": password})
    answer.raise_for_status()
    return {"apikey": json.loads(answer.content)["session_id"]}


def main(tree: str, url: str, user: str, password: str, *paths: str) -> None:
    """Everything once."""
    documents: list[Any] = []
    for file in sorted(Path(tree).rglob("*.yaml")):
        documents += yaml.load_all(file.read_bytes(), Loader=yaml.CSafeLoader)
    with httpx.Client(base_url=url, timeout=600, trust_env=False) as http:
        headers = logged_in(http, user, password)
        found = [json.loads(http.get(path, headers=headers).content) for path in paths]
        http.post("/logout", headers=headers)
    sys.stdout.write(f"{len(documents)} {sum(map(len, found))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
