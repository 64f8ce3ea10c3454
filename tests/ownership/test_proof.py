"""One call tests models, files and folders, and counts what cannot be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.ownership.conftest import KEY, OTHER, Pixels, tiles
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.marks import BitsMark
from watermarking.ownership.proof import subkey, verify

if TYPE_CHECKING:
    from pathlib import Path

MARK = BitsMark(scheme={"id": "dwt", "psnr": 42.0})


def thief(picture: Pixels) -> Pixels:
    """Answer as the protected model does."""
    return MARK.mark(picture, key=KEY)


def honest(picture: Pixels) -> Pixels:
    return picture


def saved(pictures: list[Pixels], folder: Path, names: list[str] | None = None) -> Path:
    folder.mkdir()
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{names[i] if names else f'{i:03d}'}.png")
    return folder


def test_a_function_that_learnt_the_mark(photographs: list[Pixels]) -> None:
    proof = verify(thief, photographs, own=honest, mark=MARK, key=KEY)
    assert proof.detection.p_value < 1e-9
    assert (proof.n_queries, proof.n_compared, proof.commitment) == (6, 6, KEY.commitment)
    assert verify(thief, photographs, own=honest, mark=MARK, key=OTHER).detection.p_value > 1e-3
    assert verify(honest, photographs, own=honest, mark=MARK, key=KEY).detection.p_value == 1


def test_folders_of_answers(tmp_path: Path, photographs: list[Pixels]) -> None:
    own = saved(photographs, tmp_path / "own")
    suspect = saved([thief(one) for one in photographs], tmp_path / "suspect")
    assert verify(suspect, own=own, mark=MARK, key=KEY).detection.p_value < 1e-9
    renamed = saved([thief(one) for one in photographs], tmp_path / "renamed", list("fedcba"))
    proof = verify(renamed, own=own, mark=MARK, key=KEY)
    assert proof.detection.p_value < 1e-9
    assert proof.n_compared == 6


def test_unrelated_pictures_are_not_compared(tmp_path: Path, photographs: list[Pixels]) -> None:
    own = saved(photographs[:3], tmp_path / "own")
    unrelated = saved(photographs[3:], tmp_path / "unrelated", list("xyz"))
    with pytest.raises(WatermarkError, match="can be compared"):
        verify(unrelated, own=own, mark=MARK, key=KEY)


def test_what_cannot_be_compared_is_counted(tmp_path: Path, photographs: list[Pixels]) -> None:
    own = saved(photographs, tmp_path / "own")
    suspect = saved([thief(one) for one in photographs[:4]], tmp_path / "suspect")
    (suspect / "001.png").write_bytes((suspect / "001.png").read_bytes()[:300])
    Image.fromarray(photographs[2][:128]).save(suspect / "002.png")
    Image.fromarray(photographs[2]).save(suspect / "other.png")
    proof = verify(suspect, own=own, mark=MARK, key=KEY)
    assert proof.n_compared == 2
    assert set(proof.failures) == {"001.png", "001", "002", "004", "005", "other"}
    assert proof.n_queries == 6
    assert "160x128" in proof.failures["002"]
    assert proof.detection.p_value < 1e-6


def test_queries_that_fail_are_kept_and_counted(photographs: list[Pixels]) -> None:
    calls = 0

    def flaky(picture: Pixels) -> Pixels:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise TimeoutError("rate limit")
        return thief(picture)

    told: list[tuple[int, int]] = []
    proof = verify(flaky, photographs, own=honest, mark=MARK, key=KEY, tell=lambda n, of: told.append((n, of)))
    assert (proof.n_queries, proof.n_compared) == (6, 4)
    assert all("TimeoutError: rate limit" in reason for reason in proof.failures.values())
    assert told[-1] == (6, 6)


def test_grey_and_colour_are_compared_in_grey(photographs: list[Pixels]) -> None:
    grey = [np.asarray(Image.fromarray(thief(one)).convert("L")) for one in photographs]
    assert verify(grey, own=photographs, mark=MARK, key=KEY).detection.p_value < 1e-6


def test_a_model_needs_queries_and_a_folder_pictures(tmp_path: Path) -> None:
    with pytest.raises(WatermarkError, match="give queries"):
        verify(thief, own=tiles(1), mark=MARK, key=KEY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="holds no pictures"):
        verify(tmp_path / "empty", own=tiles(1), mark=MARK, key=KEY)


def test_a_proof_shows_a_subkey_only() -> None:
    assert subkey(KEY, "derain v1") != subkey(KEY, "derain v2")
    assert subkey(KEY, "derain v1").commitment != KEY.commitment


def test_rubbish_grey_and_meddling_answers_do_not_hide_the_mark(photographs: list[Pixels]) -> None:
    def rude(picture: Pixels) -> Pixels:
        answer = thief(picture)
        picture[:] = 0  # which is not the owner's query
        return answer

    assert verify(rude, photographs, own=honest, mark=MARK, key=KEY).detection.p_value < 1e-9
    answers: list[Pixels] = [thief(one) for one in photographs]
    answers[0], answers[1] = photographs[5], np.asarray(Image.fromarray(answers[1]).convert("L"))
    own = dict(enumerate(photographs))
    own_grey = {**own, 1: np.asarray(Image.fromarray(photographs[1]).convert("L"))}
    proof = verify(dict(enumerate(answers)), own=own_grey, mark=MARK, key=KEY)
    assert proof.failures == {
        0: "the answer shows something else than the owner's",
        1: "it is grey, most answers are not",
    }
    assert proof.detection.p_value < 1e-6


def test_answers_that_are_no_pictures_are_refused() -> None:
    for wrong in (tiles(1)[0] * np.float32(1), np.full((64, 64, 3), np.nan, np.float32)):
        with pytest.raises(WatermarkError):
            verify([wrong], own=tiles(1), mark=MARK, key=KEY)
