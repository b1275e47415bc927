"""Writes docs/third-party-licences.md: the licences of what is installed beside the program. Or only checks it."""

from __future__ import annotations

import sys

from scripts import generated
from scripts.docs_text import code, table
from scripts.locked import Pin, installed, licence, pins

PAGE = "docs/third-party-licences.md"
HEAD = """\
<!-- Written by scripts/licences from requirements/run.txt and the installed packages. Change those, not this. -->

# Third-party licences

What `requirements/run.txt` installs beside the program, and what each package says of its licence. The texts come with
the packages, mostly in `<package>.dist-info/licenses`. `scripts/sbom` has the same in a form for machines, with the
hashes.

"""
TAIL = """
Some packages bring compiled libraries of other projects in their wheels (`psycopg-binary` for instance libpq, OpenSSL
and Kerberos); those have licences of their own, and no line here. An image has the packages of its base as well. `git`
is called as a command, and is no part of this.
"""


def wanted() -> str:
    """The page's text. Raises Gap when a package isn't installed as it is locked, or doesn't say its licence."""
    return HEAD + table(("package", "version", "licence"), map(_row, pins().values())) + "\n" + TAIL


def _row(pin: Pin) -> tuple[str, str, str]:
    return code(pin.name), pin.version, licence(installed(pin))


def main(arguments: list[str]) -> int:
    """Write, or with ``--check`` compare. The exit code."""
    return generated.run("scripts/licences", "no list of licences", lambda: {PAGE: wanted()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
