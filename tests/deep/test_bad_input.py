"""What people get wrong when they train or use weights: one line that says what, and a status of 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

torch = pytest.importorskip("torch")

from watermarking.cli import main  # noqa: E402
from watermarking.deep.networks.nets import Critic  # noqa: E402
from watermarking.deep.training.checkpoint import Origin, save_checkpoint  # noqa: E402
from watermarking.deep.training.config import load_config  # noqa: E402

TILES = Path(__file__).parents[1] / "data" / "tiles"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "five").mkdir()
    (tmp_path / "large").mkdir()
    for i in range(5):
        Image.new("RGB", (200, 200)).save(tmp_path / "five" / f"{i}.png")
    for i in range(8):
        Image.effect_noise((480, 480), 50).convert("RGB").save(tmp_path / "large" / f"{i}.png")
    torch.save({"a": torch.zeros(2)}, tmp_path / "pickle.pth")
    small = {"name": "s", "payload": "fixed", "tile": 64, "reach": [1, 1.2]}
    for name, config in (("other", small), ("bits", {**small, "payload": "bits", "net": {"payload_channels": 1}})):
        path = tmp_path / name / "checkpoint.safetensors"
        save_checkpoint(path, {"hider": Critic(4)}, {}, {}, 3, Origin(load_config(config)))
    (tmp_path / "broken").mkdir()
    whole = (tmp_path / "other" / "checkpoint.safetensors").read_bytes()
    (tmp_path / "broken" / "checkpoint.safetensors").write_bytes(whole[:-100])
    (tmp_path / "no.json").write_text("{")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            "train --config deep-logo --images {0}/five -o {0}/run",
            "five holds 5 photographs, training needs at least 8",
        ),
        ("train --config deep-logo --images {0}/none -o {0}/run", "there is no folder {0}/none"),
        ("train --config deep-logo --images {1} -o {0}/run", "photographs has 240x240 pixels after shrinking by 0.75"),
        ("train --config no-such --images {1} -o {0}/run", "built in are: deep-any, deep-logo"),
        ("train --config {0}/no.json --images {1} -o {0}/run", "no.json is no JSON"),
        ("train --config deep-logo --images {1} -o {0}/run --device banana", "torch cannot use the device 'banana'"),
        ("train --config {0}/small.json --images {0}/large -o {0}/other", "belongs to other networks"),
        ("train --config {0}/small.json --images {0}/large -o {0}/broken", "is no complete safetensors file"),
        (
            "train --config {0}/small.json --images {0}/large -o {0}/bits",
            "belongs to another run (net.payload_channels is 1 there, 3 here; payload is 'bits' there, 'fixed' here)",
        ),
        ("release {0}/other/checkpoint.safetensors {0}/out", "is no checkpoint of a training run"),
        ("release {0}/pickle.pth {0}/out", "pickle.pth is a pickle"),
        (
            "train --config {0}/small.json --images {0}/large -o {0}/run --initial {0}/pickle.pth",
            "pickle.pth is a pickle",
        ),
        ("train --config {0}/logo.json --images {0}/large -o {0}/run", "no.json cannot be read as a picture"),
        ("export --weights {0}/pickle.pth {0}/onnx", "pickle.pth may be a pickle"),
        ("export --weights deep-none {0}/onnx", "built in are: deep-any, deep-logo, deep-robust, deep-unseen"),
    ],
)
def test_one_line_says_what_is_wrong(folder: Path, arguments: str, complaint: str) -> None:
    (folder / "small.json").write_text('{"name": "s", "payload": "fixed", "tile": 64, "reach": [1, 1.2]}')
    (folder / "logo.json").write_text(
        f'{{"name": "s", "payload": "fixed", "logo": "{folder}/no.json", "reach": [1, 2]}}'
    )
    filled = [one.format(folder, TILES) for one in arguments.split()]
    result = CliRunner().invoke(main, ["deep", *filled])
    assert result.exit_code == 2
    assert complaint.format(folder, TILES) in result.stderr
    assert result.stderr.count("\n") == 1
    assert len(result.stderr) < 400


@pytest.mark.parametrize("missing", ["torch", "safetensors"])
def test_a_missing_extra_is_named(missing: str, tmp_path: Path) -> None:
    script = (
        f"import sys; sys.modules[{missing!r}] = None; from watermarking.cli import main; "
        f"main(['deep', 'train', '--config', 'deep-logo', '--images', '.', '-o', {str(tmp_path)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"watermarking: the scheme 'deep' needs {missing}: pip install 'watermarking[deep]'\n"
