"""What training, releasing and exporting say to those who do it for the first time."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from watermarking.cli import main  # noqa: E402
from watermarking.deep.training.config import load_config  # noqa: E402
from watermarking.deep.training.session import run_training  # noqa: E402
from watermarking.deep.weights import load_weights  # noqa: E402
from watermarking.errors import WeightsError  # noqa: E402

if TYPE_CHECKING:
    from click.testing import Result

TILES = Path(__file__).parents[1] / "data" / "tiles"
CONFIG = load_config({
    "name": "first", "payload": "bits", "tile": 64, "groups": 1, "group": 4, "reach": [1.0, 1.2], "shrink": [1.0],
    "net": {"payload_ratio": 8, "payload_channels": 1, "hider_widths": [8, 8], "reader_width": 8, "reader_blocks": 1,
            "stem_width": 4},
    "steps": 3, "log_every": 2, "critic_width": 4, "attacks": {"none": [1, 0, 0]},
})  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A run, and the lines that it said."""
    folder, lines = tmp_path_factory.mktemp("a run"), list[str]()
    run_training(CONFIG, TILES, folder, report=lines.append)
    return folder, lines


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["deep", *map(str, arguments)])


def test_training_speaks_at_once_and_names_the_next_step(said: tuple[Path, list[str]]) -> None:
    folder, lines = said
    assert lines[0] == f"reading the photographs in {TILES}"
    begun = next(i for i, line in enumerate(lines) if line.startswith("step 1 is done, in "))
    assert begun < next(i for i, line in enumerate(lines) if line.startswith("step 2/3"))
    measured = next(i for i, line in enumerate(lines) if line.startswith("none 40: correlation"))
    assert any("1 is perfect" in line and "0.5 chance" in line for line in lines[:measured])
    assert lines[-1].startswith(f"next: watermarking deep release '{folder / 'checkpoint.safetensors'}' WEIGHTS")
    assert "WEIGHTS/first.safetensors ONNX" in lines[-1]


def test_a_run_that_was_stopped_says_how_to_go_on(tmp_path: Path) -> None:
    lines: list[str] = []
    run_training(CONFIG, TILES, tmp_path, seconds=0, report=lines.append)
    assert "stopped at step 0 of 3: the same command goes on from there" in lines
    lines.clear()
    run_training(CONFIG, TILES, tmp_path, report=lines.append)
    assert not any(line.startswith("stopped") for line in lines)


def test_the_command_speaks_before_torch_is_loaded(tmp_path: Path) -> None:
    result = call("train", "--config", tmp_path / "no.json", "--images", TILES, "-o", tmp_path / "run")
    assert result.exit_code == 2
    assert result.stdout.startswith("starting: loading torch")


def test_a_checkpoint_is_sent_to_release_and_the_words_work(said: tuple[Path, list[str]], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    checkpoint = said[0] / "checkpoint.safetensors"
    refused = call("export", "--weights", checkpoint, tmp_path / "onnx")
    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
    command = shlex.split(refused.stderr.split("run 'watermarking deep ")[1].split(" WEIGHTS'")[0])
    released = call(*command, tmp_path / "weights")
    assert released.exit_code == 0, released.output
    following = shlex.split(released.stderr.split("next: watermarking deep ")[1])
    assert call(*following[:-1], tmp_path / "onnx").exit_code == 0
    assert sorted(file.name for file in (tmp_path / "onnx").iterdir()) == ["first-hider.onnx", "first-reader.onnx"]


def test_weights_without_their_card_are_told_from_checkpoints(tmp_path: Path) -> None:
    from watermarking.deep.tensors import write_tensors

    write_tensors(tmp_path / "alone.safetensors", {"a": torch.zeros(2)}, {})
    with pytest.raises(WeightsError, match=r"has no card beside it, alone.json: fetch both"):
        load_weights(str(tmp_path / "alone.safetensors"))


def test_onnx_files_say_what_they_are(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from watermarking.deep.export import export_onnx

    weights = load_weights("deep-robust")
    shapes = {"payload": (1, 32, 32), "pilot": (1, 16, 16), "psnr": ()}
    shapes |= dict.fromkeys(("cover", "residual", "image"), (3, 256, 256))
    for path in export_onnx(weights, tmp_path):
        model = onnx.load(str(path))
        for tensor in (*model.graph.input, *model.graph.output):
            first, *others = tensor.type.tensor_type.shape.dim
            assert first.dim_param == "batch"
            assert tuple(axis.dim_value for axis in others) == shapes[tensor.name]
            assert tensor.doc_string.startswith("(batch")
        about = {one.key: one.value for one in model.metadata_props}
        assert (about["name"], about["working"]) == ("deep-robust", "256")
        assert about["weights_sha256"] == weights.card["sha256"]
        assert "MIT" in about["licence"]
