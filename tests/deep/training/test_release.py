"""From a checkpoint to weights: it knows its configuration and its logo, and nothing is guessed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

torch = pytest.importorskip("torch")

from watermarking.cli import main  # noqa: E402
from watermarking.deep.logo import FixedLogo, fixed_logo, read_logo  # noqa: E402
from watermarking.deep.networks.nets import NetSpec  # noqa: E402
from watermarking.deep.networks.pairs import build_pair  # noqa: E402
from watermarking.deep.tensors import read_tensors, write_tensors  # noqa: E402
from watermarking.deep.training.checkpoint import Origin, save_checkpoint  # noqa: E402
from watermarking.deep.training.config import TrainConfig  # noqa: E402
from watermarking.deep.training.release import release  # noqa: E402
from watermarking.deep.weights import load_weights  # noqa: E402
from watermarking.errors import FileFormatError, WeightsError  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

NET = NetSpec(hider_widths=(8, 8), reader_width=8, reader_blocks=1, stem_width=4, pilot_ratio=0)
CONFIG = TrainConfig(name="own", net=NET, payload="fixed", tile=64)


def checkpoint(folder: Path, config: TrainConfig) -> Path:
    pair = build_pair(config.net)
    logo = torch.from_numpy(read_logo(config.logo, 32)) if config.payload == "fixed" else None
    path = folder / "checkpoint.safetensors"
    averages = {name: p.detach().clone() for name, p in pair.named_parameters()}
    save_checkpoint(path, {"hider": pair.hider, "reader": pair.reader}, averages, {}, 7, Origin(config, logo))
    return path


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (90, 70, 3), np.uint8)).save(tmp_path / "logo.png")
    return tmp_path / "logo.png"


def test_a_checkpoint_is_all_that_is_needed(tmp_path: Path, logo: Path) -> None:
    config = replace(CONFIG, logo=str(logo), blank=1.0)
    picture = read_logo(str(logo), 32)
    path = checkpoint(tmp_path, config)
    logo.unlink()
    done = CliRunner().invoke(main, ["deep", "release", str(path), str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    weights = load_weights(str(tmp_path / "out" / "own.safetensors"))
    assert weights.logo is not None
    assert np.array_equal(weights.logo.numpy(), picture)
    assert (weights.working, weights.card["blank"], weights.card["payload"]) == (64, 1.0, "fixed")
    assert weights.card["config_sha256"] == config.sha256
    assert weights.spec == NET
    assert np.array_equal(FixedLogo(weights=str(tmp_path / "out" / "own.safetensors")).logo, picture)


def test_another_working_size_needs_the_logo_itself(tmp_path: Path, logo: Path) -> None:
    path = checkpoint(tmp_path, replace(CONFIG, logo=str(logo)))
    weights = load_weights(str(release(path, None, tmp_path / "a", working=128, notes={})))
    assert weights.logo is not None
    assert np.array_equal(weights.logo.numpy(), read_logo(str(logo), 64))
    Image.new("RGB", (90, 70)).save(logo)
    for _ in range(2):
        with pytest.raises(WeightsError, match=r"32x32 pixels, 64x64 are needed.*release with the working size 64"):
            release(path, None, tmp_path / "b", working=128, notes={})
        logo.unlink(missing_ok=True)
    assert not (tmp_path / "b").exists()
    built_in = load_weights(str(release(checkpoint(tmp_path, CONFIG), None, tmp_path / "c", working=128, notes={})))
    assert built_in.logo is not None
    assert np.array_equal(built_in.logo.numpy(), fixed_logo(64))


def test_a_configuration_that_is_given_must_be_the_runs(tmp_path: Path, logo: Path) -> None:
    config = replace(CONFIG, logo=str(logo))
    path = checkpoint(tmp_path, config)
    renamed = release(path, replace(config, name="other", steps=9), tmp_path, notes={"licence": "MIT"})
    assert json.loads(renamed.with_suffix(".json").read_text())["licence"] == "MIT"
    assert renamed.name == "other.safetensors"
    with pytest.raises(WeightsError, match=r"net\.reader_width is 8 there, 16 here"):
        release(path, replace(config, net=replace(NET, reader_width=16)), tmp_path, notes={})
    with pytest.raises(WeightsError, match=r"logo\.png there, the built-in logo here"):
        release(path, CONFIG, tmp_path, notes={})
    with pytest.raises(FileFormatError, match=r"none\.png"):
        release(path, replace(CONFIG, logo="none.png"), tmp_path, notes={})


def test_checkpoints_of_earlier_versions_need_their_configuration(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, CONFIG)
    tensors = read_tensors(path)
    del tensors["logo"]
    write_tensors(path, tensors, {"step": "7"})
    with pytest.raises(WeightsError, match="does not say which configuration"):
        release(path, None, tmp_path, notes={})
    weights = load_weights(str(release(path, CONFIG, tmp_path, notes={})))
    assert weights.logo is not None
    assert np.array_equal(weights.logo.numpy(), fixed_logo(32))
    with pytest.raises(WeightsError, match="belongs to other networks"):
        release(path, replace(CONFIG, net=replace(NET, reader_width=16)), tmp_path, notes={})


def test_other_payloads_have_no_logo_and_the_usual_size(tmp_path: Path) -> None:
    config = replace(CONFIG, payload="bits", net=replace(NET, payload_channels=1, pilot_ratio=16))
    weights = load_weights(str(release(checkpoint(tmp_path, config), None, tmp_path, notes={})))
    assert weights.logo is None
    assert (weights.working, weights.card["block"]) == (256, 1)
