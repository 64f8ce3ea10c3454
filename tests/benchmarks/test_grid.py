"""Grids say what to measure; what they get wrong is named with what would fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.cells import grouped, key_of, message_of, rng_of
from harness.grid import GRIDS, GridError, cells_of, read_grid
from harness.tables import attack_label, family_of

if TYPE_CHECKING:
    from pathlib import Path


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "grid.toml"
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[rows]]\nattacks = ["jpg(50)"]', "did you mean 'jpeg'"),
        ('[[rows]]\nattacks = ["jpeg(qualty=50)"]', "quality"),
        ('[attacks]\nvalues = ["grey"]\n[[rows]]\nattacks = ["value"]', "'values'"),
        ('schemes = ["dctt"]', "did you mean 'dct'"),
        ('photos = "x"', "'photographs'"),
        ("[[rows]]\nbyte = [4]", "'bytes'"),
        ("[[rows]]\npsnr = [420.0]", "20..70"),
        ("[[rows]", "line 1"),
    ],
)
def test_what_is_wrong_names_what_fits(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GridError, match=message):
        read_grid(written(tmp_path, text))


def test_a_missing_grid_lists_those_there_are() -> None:
    with pytest.raises(GridError, match="foundation"):
        read_grid("fondation")


@pytest.mark.parametrize("path", sorted(GRIDS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_grids_of_the_repository_are_valid(path: Path) -> None:
    grid = read_grid(path.stem)
    assert cells_of(grid, ["one"])
    assert all(family_of(attack) != "not installed" for block in grid.blocks for attack in block.attacks)


def test_every_attack_is_one_at_its_defaults(tmp_path: Path) -> None:
    found = read_grid(written(tmp_path, '[[rows]]\nattacks = ["every"]')).blocks[0].attacks
    assert "jpeg(quality=75, subsampling=420)" in found
    assert len(found) > 40


def test_cells_combine_everything_once(tmp_path: Path) -> None:
    text = 'schemes = ["dct", "dwt"]\nkeys = 2\n[[rows]]\nattacks = ["none", "grey"]\npsnr = [40.0, 42.0]\n'
    cells = cells_of(read_grid(written(tmp_path, text + '[[rows]]\nattacks = ["none"]')), ["a", "b"])
    assert len(cells) == 2 * 2 * 2 * 2 * 2
    assert [len(group) for group in grouped(cells, ("scheme", "photograph", "key", "psnr"))] == [2] * 16


def test_all_schemes_meet_the_same_key_message_and_noise() -> None:
    cell = {"scheme": "dct", "photograph": "a", "key": 3, "psnr": 42.0, "bytes": 8, "attack": "noise", "seed": 1}
    other = {**cell, "scheme": "dwt", "psnr": 46.0}
    assert key_of(cell) == key_of(other)
    assert message_of(cell) == message_of(other)
    names = ("photograph", "key", "attack")
    assert rng_of(cell, *names).integers(1 << 60) == rng_of(other, *names).integers(1 << 60)
    assert key_of(cell) != key_of({**cell, "key": 4})
    assert rng_of(cell, *names).integers(1 << 60) != rng_of({**cell, "seed": 2}, *names).integers(1 << 60)


def test_labels_are_short() -> None:
    assert attack_label("jpeg(quality=50, subsampling=420)") == "jpeg(50)"
    assert attack_label("resize(scale=0.5, restore=True)") == "resize(0.5, restore=True)"
    assert attack_label("none") == "none"
    assert attack_label("gone(1)") == "gone(1)"
