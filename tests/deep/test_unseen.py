"""Weights that are an H alone: they show less, and the R of others reads them, as it reads what came before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermarking.deep import weights as weights_module  # noqa: E402
from watermarking.deep.scheme import Deep  # noqa: E402
from watermarking.deep.tensors import read_tensors  # noqa: E402
from watermarking.deep.training.checkpoint import Origin, save_checkpoint  # noqa: E402
from watermarking.deep.training.config import load_config  # noqa: E402
from watermarking.deep.training.release import release  # noqa: E402
from watermarking.deep.weights import load_weights  # noqa: E402
from watermarking.errors import WeightsError  # noqa: E402
from watermarking.keys import Key  # noqa: E402
from watermarking.messages.marker import Marker  # noqa: E402
from watermarking.metrics import butteraugli, psnr, ssimulacra2  # noqa: E402

if TYPE_CHECKING:
    from typing import Any

KEY = Key(bytes(range(16)))
FOLDER = Path(weights_module.__file__).parent / "weights"
UNSEEN = {"id": "deep", "weights": "deep-unseen"}


def test_the_reader_is_the_one_that_read_before() -> None:
    assert all(name.startswith("hider.") for name in read_tensors(FOLDER / "deep-unseen.safetensors"))
    old, new = (load_weights(name).pair.reader.state_dict() for name in ("deep-robust", "deep-unseen"))
    assert old.keys() == new.keys()
    assert all(torch.equal(old[name], new[name]) for name in old)


@pytest.mark.parametrize(("by", "reader"), [("deep-unseen", "deep-robust"), ("deep-robust", "deep-unseen")])
def test_each_reads_what_the_other_marked(photograph: np.ndarray, by: str, reader: str) -> None:
    marked = Marker({"id": "deep", "weights": by}, key=KEY, psnr=42.0).embed(photograph, b"8 bytes.")
    assert Marker({"id": "deep", "weights": reader}, key=KEY).extract(marked).message == b"8 bytes."


def test_a_fidelity_is_reached_with_it_and_a_psnr_as_ever(photograph: np.ndarray) -> None:
    plain = Marker("deep", key=KEY, psnr=42.0).embed(photograph, b"8 bytes.")
    assert np.array_equal(plain, Marker("deep", key=KEY).embed(photograph, b"8 bytes."))
    assert not np.array_equal(plain, Marker(UNSEEN, key=KEY, psnr=42.0).embed(photograph, b"8 bytes."))
    by_fidelity = Marker("deep", key=KEY, fidelity=85).embed(photograph, b"8 bytes.")
    assert np.array_equal(by_fidelity, Marker(UNSEEN, key=KEY, fidelity=85).embed(photograph, b"8 bytes."))
    assert Deep(psnr=47.0, device="cpu").unseen == Deep(weights="deep-unseen", psnr=47.0, device="cpu")
    assert Deep(weights="deep-any").unseen == Deep(weights="deep-any")


def test_it_shows_less_at_the_same_score(photograph: np.ndarray) -> None:
    """H as it was trained for energy has a greatest error of 6.0 here, at edges and along the border."""
    marked = Marker("deep", key=KEY, fidelity=85).embed(photograph, b"8 bytes.")
    assert butteraugli(photograph, marked).max < 3.6
    level = psnr(photograph, marked)
    by_energy = Marker("deep", key=KEY, psnr=level).embed(photograph, b"8 bytes.")
    assert ssimulacra2(photograph, by_energy) < 82


def card_of(folder: Path, **changes: Any) -> Path:
    for suffix in (".safetensors", ".json"):
        shutil.copy(FOLDER / f"deep-unseen{suffix}", folder / f"own{suffix}")
    card = folder / "own.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), **changes}))
    return folder / "own.safetensors"


def test_another_reader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="was made for the reader of other weights deep-robust than these"):
        load_weights(str(card_of(tmp_path, reader_sha256="0" * 64)))
    with pytest.raises(WeightsError, match="names the weights deep-unseen for their reader, which have none"):
        load_weights(str(card_of(tmp_path, reader="deep-unseen")))
    file = card_of(tmp_path)
    with pytest.raises(WeightsError, match=r"names the weights .*own"):
        load_weights(str(card_of(tmp_path, reader=str(file))))
    with pytest.raises(WeightsError, match="cannot read the weights card"):
        load_weights(str(card_of(tmp_path, reader="deep-none")))


def test_an_h_is_released_alone(tmp_path: Path) -> None:
    config = load_config("deep-unseen")
    pair = load_weights("deep-unseen").pair
    averages = {name: value.detach().clone() for name, value in pair.named_parameters()}
    modules = {"hider": pair.hider, "reader": pair.reader}
    save_checkpoint(tmp_path / "checkpoint.safetensors", modules, averages, {}, 7, Origin(config))
    path = release(tmp_path / "checkpoint.safetensors", None, tmp_path / "out", notes={"licence": "MIT"})
    again = load_weights(str(path))
    assert again.card["reader"] == "deep-robust"
    assert again.card["reader_sha256"] == load_weights("deep-robust").card["sha256"]
    assert path.stat().st_size < 2_000_000
    for name, value in pair.state_dict().items():
        assert torch.equal(again.pair.state_dict()[name], value), name
