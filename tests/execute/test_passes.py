"""What a pass does, says and remembers under each fault stays what it was, to the letter."""

from __future__ import annotations

import pytest

from tests.execute.scenes import GOLDEN, SCENES, told


@pytest.mark.parametrize("scene", SCENES)
def test_a_pass_tells_what_it_told(scene: str) -> None:
    wanted = (GOLDEN / f"{scene}.txt").read_text().splitlines()
    for number, line in enumerate(told(scene)):
        # At once, and not after a comparison of thousands of lines.
        assert line == (wanted[number] if number < len(wanted) else None), f"{scene}.txt:{number + 1}"
    assert number + 1 == len(wanted)
