"""Grids say what to measure; what they get wrong is named with what would fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.cells import grouped, identity, key_of, message_of, rng_of, strength_label
from harness.grid import GRIDS, GridError, cells_of, read_grid
from harness.marking import SHARED
from harness.store import RESULTS, cell_of, read_rows
from harness.tables import attack_label, family_of, scheme_label

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
        ("[[rows]]\nfidelity = [99.0]", "30 to 95"),
        ('[[rows]]\nschemes = ["dwtt"]', "did you mean 'dwt'"),
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


def test_a_fidelity_stands_instead_of_a_psnr_or_beside_it(tmp_path: Path) -> None:
    instead = cells_of(read_grid(written(tmp_path, 'schemes = ["dct"]\nkeys = 1\n[[rows]]\nfidelity = [80, 88]')), "a")
    assert [cell.get("fidelity") for cell in instead] == [80.0, 88.0]
    assert not any("psnr" in cell for cell in instead)
    text = 'schemes = ["dct"]\nkeys = 1\n[[rows]]\nfidelity = ["normal"]\npsnr = [42.0]'
    beside = cells_of(read_grid(written(tmp_path, text)), "a")
    assert [strength_label(cell) for cell in beside] == ["42 dB", "normal strength"]
    assert len(grouped(beside, SHARED)) == 2
    assert "fidelity" not in cells_of(read_grid(written(tmp_path, 'schemes = ["dct"]')), "a")[0]  # as stored rows are


def test_only_packages_have_a_strength_of_their_own_and_some_nothing_else(tmp_path: Path) -> None:
    text = 'schemes = ["dwt", "peer:ghostmark", "peer:invisible-watermark/rivaGan"]\nkeys = 1\n'
    cells = cells_of(read_grid(written(tmp_path, text + '[[rows]]\nfidelity = ["own", 80]')), ["a"])
    assert [(scheme_label(cell["scheme"]), strength_label(cell)) for cell in cells] == [
        ("dwt", "score 80"),
        ("ghostmark", "own strength"),
        ("ghostmark", "score 80"),
        ("invisible-watermark/rivaGan", "own strength"),
    ]


def test_a_block_may_take_some_of_the_schemes(tmp_path: Path) -> None:
    text = 'schemes = ["dct", "dwt"]\nkeys = 1\n[[rows]]\n[[rows]]\nschemes = ["dwt"]\nfidelity = [92]'
    cells = cells_of(read_grid(written(tmp_path, text)), ["a"])
    assert [(cell["scheme"], strength_label(cell)) for cell in cells] == [
        ("dct", "42 dB"),
        ("dwt", "42 dB"),
        ("dwt", "score 92"),
    ]


def test_the_stored_rows_of_equal_visibility_are_cells_of_the_grid() -> None:
    stored = read_rows(RESULTS / "visible")
    cells = set(map(identity, cells_of(read_grid("visible"), {row["photograph"] for row in stored})))
    assert stored
    assert all(identity(cell_of(row)) in cells for row in stored)


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
