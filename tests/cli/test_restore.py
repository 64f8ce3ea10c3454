"""``watermarking restore``: the picture as it was, or a line that says why not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]


@pytest.fixture
def reversible(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> Path:
    file = tmp_path / "reversible.png"
    done = run("embed", picture, "-o", file, "-m", "Ada", "-k", keyfile, "--scheme", "reversible")
    assert done.exit_code == 0, done.stderr
    return file


def samples(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_the_picture_comes_back(
    run: Run, picture: Path, reversible: Path, keyfile: Path, tmp_path: Path, suffix: str
) -> None:
    target = tmp_path / f"back.{suffix}"
    assert not np.array_equal(samples(reversible), samples(picture))
    done = run("restore", reversible, "-o", target, "-k", keyfile)
    assert (done.exit_code, "bit for bit" in done.stdout) == (0, True)
    assert np.array_equal(samples(target), samples(picture))
    assert run("extract", reversible, "-k", keyfile, "--scheme", "reversible").stdout == "Ada\n"


def test_standard_streams(run: Run, picture: Path, reversible: Path, keyfile: Path) -> None:
    done = run("restore", "-", "-o", "-", "-k", keyfile, stdin=reversible.read_bytes())
    assert done.exit_code == 0
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(done.stdout_bytes))), samples(picture))


def test_other_keys_and_changed_pictures_are_refused(
    run: Run, picture: Path, reversible: Path, keyfile: Path, tmp_path: Path
) -> None:
    run("keygen", tmp_path / "other.key")
    target = tmp_path / "back.png"
    changed = samples(reversible).copy()
    changed[100, 100, 0] ^= 1
    Image.fromarray(changed).save(tmp_path / "changed.png")
    for file, key in ((reversible, tmp_path / "other.key"), (tmp_path / "changed.png", keyfile), (picture, keyfile)):
        done = run("restore", file, "-o", target, "-k", key)
        assert done.exit_code == 2
        assert "changed since it was marked" in done.stderr
        assert not target.exists()
    assert run("restore", reversible, "-o", target, "-k", tmp_path / "other.key", "-k", keyfile).exit_code == 0


def test_formats_that_change_samples_are_refused(
    run: Run, picture: Path, reversible: Path, keyfile: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.jpg"
    for arguments in (["embed", picture, "-m", "Ada", "--scheme", "reversible"], ["restore", reversible]):
        done = run(*arguments, "-o", target, "-k", keyfile)
        assert done.exit_code == 2
        assert "write a PNG, a TIFF or a lossless WebP" in done.stderr
        assert not target.exists()


def test_no_picture_is_written_over_unasked(run: Run, reversible: Path, keyfile: Path, tmp_path: Path) -> None:
    target = tmp_path / "back.png"
    target.write_bytes(b"mine")
    assert run("restore", reversible, "-o", target, "-k", keyfile).exit_code == 2
    assert target.read_bytes() == b"mine"
    assert run("restore", reversible, "-o", target, "-k", keyfile, "--force").exit_code == 0


def test_robust_and_reversible(run: Run, large: Path, keyfile: Path, tmp_path: Path) -> None:
    marked, attacked, back = (tmp_path / name for name in ("marked.png", "attacked.jpg", "back.png"))
    done = run("embed", large, "-o", marked, "-m", "Ada", "-k", keyfile, "--reversible")
    assert done.exit_code == 0, done.stderr
    assert run("restore", marked, "-o", back, "-k", keyfile).exit_code == 0
    assert np.array_equal(samples(back), samples(large))
    Image.fromarray(samples(marked)).save(attacked, quality=75)
    assert run("extract", attacked, "-k", keyfile).stdout == "Ada\n"
    assert run("restore", attacked, "-o", tmp_path / "no.png", "-k", keyfile).exit_code == 2
