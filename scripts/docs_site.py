"""The site: docs/ built by MkDocs, together with the files of the repository that its pages link to.

On a forge, a page may link to any file of the repository. So that the site has no link that leads nowhere, this module,
which is MkDocs's hook as well, takes those files along under ``repository/``: Markdown as pages, source as pages that
show it, and anything long as it is.
"""

from __future__ import annotations

import logging
import os
import posixpath
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mkdocs.__main__ import cli
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from scripts.docs_text import ROOT

CONFIG = ROOT / "docs/_site/mkdocs.yml"
TAKEN_ALONG = "repository"
FENCE = re.compile(r"^(```+|~~~+).*\n(?:.*\n)*?\1$", re.MULTILINE)
LINK = re.compile(r"(?<=\]\()([^()\s#:]+)(#[^()\s]*)?(?=\))")
BANNER = re.compile(r"\A<!--.*?-->\s*", re.DOTALL)
LANGUAGES = {".yml": "yaml", ".yaml": "yaml", ".sh": "bash", ".py": "python"}
LONG = {".json"}
OPTIONAL = "?"
"""Ends the name of a page that stands in the navigation only once it exists."""


def on_startup(command: str, **_: object) -> None:
    """MkDocs asks: a build says what is wrong, and nothing else. (``--quiet`` drops what strict counts.)"""
    if command == "build":
        logging.getLogger("mkdocs").setLevel(logging.WARNING)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """MkDocs asks: the navigation, with whole folders where it says ``folder/*``."""
    config.nav = list(_entries(config.nav or [], Path(config.docs_dir)))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """MkDocs asks: what else belongs to the site, from links to links."""
    queue = [(file.src_uri, file.content_string) for file in files.documentation_pages()]
    while queue:
        uri, text = queue.pop()
        for path in _linked(uri, text):
            if _is_taken_along(path) and files.get_file_from_path(uri_of(path)) is None:
                file = _taken_along(path, config)
                files.append(file)
                if path.suffix == ".md":
                    queue.append((file.src_uri, file.content_string))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """MkDocs asks: a page's text, its links out of docs/ led to what was taken along."""
    uri = page.file.src_uri

    def led(match: re.Match[str]) -> str:
        path = _target(uri, match[1])
        if not path.exists() or (path.is_relative_to(ROOT / "docs") and not uri.startswith(TAKEN_ALONG)):
            return match[0]
        return posixpath.relpath(uri_of(path), posixpath.dirname(uri) or ".") + (match[2] or "")

    markdown = BANNER.sub("", markdown)  # else the page has no title
    return _outside_fences(markdown, lambda text: LINK.sub(led, text))


def uri_of(path: Path) -> str:
    """Where a file of the repository stands in the site, as MkDocs calls it."""
    if path.is_relative_to(ROOT / "docs"):
        return path.relative_to(ROOT / "docs").as_posix()
    if path.name == "README.md":  # MkDocs would make it the index of whatever stands around it
        path = path.with_name("about.md")
    name = f"{TAKEN_ALONG}/{path.relative_to(ROOT).as_posix()}"
    return name if path.suffix in {".md", *LONG} else f"{name}.md"


def _entries(entries: list[Any], docs: Path) -> Iterator[Any]:
    for entry in entries:
        if isinstance(entry, dict):
            yield {title: _below(value, docs) for title, value in entry.items()}
        elif not entry.endswith(OPTIONAL):
            yield entry
        elif (docs / entry.removesuffix(OPTIONAL)).is_file():
            yield entry.removesuffix(OPTIONAL)


def _below(value: Any, docs: Path) -> Any:
    """What stands under a title: a page, a list of entries, or all pages of a folder, its index first."""
    if isinstance(value, list):
        return list(_entries(value, docs))
    if not value.endswith("/*"):
        return value
    pages = (docs / value).parent.glob("*.md")
    return [page.relative_to(docs).as_posix() for page in sorted(pages, key=lambda page: (page.stem != "index", page))]


def _taken_along(path: Path, config: MkDocsConfig) -> File:
    level = InclusionLevel.NOT_IN_NAV
    if path.suffix in LONG:
        return File.generated(config, uri_of(path), abs_src_path=str(path), inclusion=level)
    return File.generated(config, uri_of(path), content=_page_of(path), inclusion=level)


def _page_of(path: Path) -> str:
    """A page for a file of the repository, or for a folder."""
    if path.is_dir():
        names = sorted(file.name for file in path.glob("*.*"))
        return "\n".join([f"# {path.relative_to(ROOT).as_posix()}/", "", *(f"- `{name}`" for name in names), ""])
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    language = LANGUAGES.get(path.suffix, "text")
    return f"# {path.relative_to(ROOT).as_posix()}\n\n`````{language}\n{text.rstrip()}\n`````\n"


def _target(uri: str, link: str) -> Path:
    """The file that a page's link means."""
    inside = uri.removeprefix(f"{TAKEN_ALONG}/")
    page = ROOT / inside if inside != uri else ROOT / "docs" / uri
    return Path(os.path.normpath(page.parent / link))


def _is_taken_along(path: Path) -> bool:
    return path.exists() and path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "docs")


def _linked(uri: str, text: str) -> Iterator[Path]:
    for match in LINK.finditer(FENCE.sub("", text)):
        yield _target(uri, match[1])


def _outside_fences(text: str, change: Callable[[str], str]) -> str:
    parts, position = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[position : fence.start()]), fence[0]]
        position = fence.end()
    return "".join([*parts, change(text[position:])])


def main(arguments: list[str]) -> None:
    """Build the site, or with ``--serve`` show it and build it anew after each change; the rest goes to MkDocs."""
    serve = arguments[:1] == ["--serve"]
    command = ["serve", "--watch", str(ROOT / "helm")] if serve else ["build", "--clean", "--strict"]
    cli([*command, "--config-file", str(CONFIG), *arguments[serve:]], prog_name="scripts/site")


if __name__ == "__main__":
    main(sys.argv[1:])
