"""``watermarking ownership``: protect, verify, and a report that anybody checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.ownership.conftest import KEY, OTHER, tiles
from watermarking.cli import main

MARK = json.dumps({"id": "bits", "scheme": {"id": "dwt", "psnr": 40.0}})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("WATERMARKING_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    KEY.save("my.key")
    OTHER.save("other.key")
    Path("own").mkdir()
    for i, picture in enumerate(tiles(3)):
        Image.fromarray(picture).save(f"own/{i}.png")
    return tmp_path


def run(*args: Any) -> Result:
    return CliRunner().invoke(main, ["ownership", *map(str, args)])


MARKED = ("--name", "derain v1", "--mark", MARK, "-k", "my.key")


@pytest.mark.usefixtures("place")
def test_from_protecting_to_a_checked_report() -> None:
    done = run("protect", "own", "-o", "served", *MARKED, "--commitment", "published.json", "--workers", 1)
    assert (done.exit_code, done.output) == (0, "served: 3 marked, 0 copied\n")
    found = run("verify", "served", "--own", "own", *MARKED, "--report", "report", "--commitment", "published.json")
    assert found.exit_code == 0, found.output
    assert "3 of 3 answers compared, they carry the mark (p = " in found.output
    checked = run("report", "report")
    assert checked.exit_code == 0
    assert "report: as it was written, the mark is there (p = " in checked.output
    compared = run("report", "report", "--commitment", "published.json")
    assert "its key is the one that was published" in compared.output
    Path("report/pictures/000000-own.png").unlink()
    changed = run("report", "report")
    assert changed.exit_code == 3
    assert "pictures/000000-own.png is missing" in changed.output


@pytest.mark.usefixtures("place")
def test_who_did_not_learn_is_not_accused() -> None:
    run("protect", "own", "-o", "served", *MARKED, "--workers", 1)
    for suspect, more in (
        ("own", MARKED),
        ("served", (*MARKED[:-1], "other.key")),
        ("served", ("--name", "v2", *MARKED[2:])),
    ):
        found = run("verify", suspect, "--own", "own", *more, "--json")
        assert found.exit_code == 1
        assert json.loads(found.output)["p_value"] > 1e-3


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("verify", "nowhere", "--own", "own", *MARKED), "nowhere"),
        (("verify", "own", "--own", "own", "--name", "x", "--mark", "{", "-k", "my.key"), "--mark is no JSON"),
        (
            ("verify", "own", "--own", "own", "--name", "x", "--mark", "none", "-k", "my.key"),
            "no ownership mark 'none'",
        ),
        (("verify", "own", "--own", "own", *MARKED, "--report", "r", "--commitment", "my.key"), "cannot be read"),
        (("report", "own"), "holds no report"),
    ],
)
def test_one_clear_line(args: tuple[str, ...], said: str) -> None:
    done = run(*args)
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.usefixtures("place")
def test_a_thief_on_the_command_line() -> None:
    """Few steps: what is shown is that he trains, answers and goes on where he was."""
    for folder, part in (("asked", tiles(2)), ("inputs", tiles(3))):
        Path(folder).mkdir()
        for i, picture in enumerate(part):
            Image.fromarray(picture[:96, :112]).save(f"{folder}/{i}.png")
    args = (
        "attack",
        "inputs",
        "inputs",
        "-o",
        "stolen",
        "--ask",
        "asked",
        "--network",
        "cnet",
        "--steps",
        3,
        "--moved",
    )
    done = run(*args)
    assert done.exit_code == 0, done.output
    assert "stolen: trained on 3 pairs, 2 answers written" in done.output
    with Image.open("stolen/0.png") as opened:
        assert opened.size == (112, 96)
    before = Path("stolen/1.png").read_bytes()
    assert run(*args).exit_code == 0
    assert Path("stolen/1.png").read_bytes() == before
    found = run("verify", "stolen", "--own", "asked", *MARKED, "--json")
    assert found.exit_code == 1


@pytest.mark.usefixtures("place")
def test_a_thief_without_pairs() -> None:
    Path("other").mkdir()
    Image.fromarray(tiles(1)[0]).save("other/x.png")
    done = run("attack", "own", "other", "-o", "stolen", "--ask", "own")
    assert done.exit_code == 2
    assert "no picture of other has the name of one of own" in done.output
