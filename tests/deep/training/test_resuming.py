"""A run that goes on: nothing is logged twice, and it must be the same run."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from watermarking.deep.tensors import read_metadata, read_tensors, write_tensors  # noqa: E402
from watermarking.deep.training.config import TrainConfig, differences, load_config  # noqa: E402
from watermarking.deep.training.session import cut_log, run_training  # noqa: E402
from watermarking.errors import WeightsError  # noqa: E402

CONFIG = load_config({
    "name": "r", "payload": "fixed", "tile": 64, "groups": 1, "group": 2, "reach": [1.0, 1.2], "shrink": [1.0],
    "net": {"hider_widths": [8, 8], "reader_width": 8, "reader_blocks": 1, "stem_width": 4, "pilot_ratio": 0},
    "steps": 4, "log_every": 1, "save_every": 2, "psnr": [30, 34],
})  # fmt: skip
BITS: dict[str, Any] = {"payload": "bits", "net": replace(CONFIG.net, payload_channels=1)}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def rows_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


class KilledError(Exception):
    """Stands for what ends a process between two checkpoints."""


def run_until_killed(config: TrainConfig, tiles: Path, folder: Path, step: int) -> None:
    def report(line: str) -> None:
        if line.startswith(f"step {step}/"):
            raise KilledError

    with pytest.raises(KilledError):
        run_training(config, tiles, folder, report=report)


def test_rows_after_the_checkpoint_are_written_once(tiles: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_training(CONFIG, tiles, whole, report=str)
    run_until_killed(CONFIG, tiles, killed, 1)  # before there is a checkpoint
    run_until_killed(CONFIG, tiles, killed, 3)  # one step after it
    assert [row["step"] for row in rows_of(killed)] == [1, 2, 3]
    run_training(CONFIG, tiles, killed, report=str)
    assert [row["step"] for row in rows_of(killed)] == [1, 2, 3, 4]
    for one, other in zip(rows_of(whole), rows_of(killed), strict=True):
        assert one.keys() == other.keys()
        for name in one.keys() - {"seconds_per_step"}:
            assert one[name] == pytest.approx(other[name], abs=1e-5), name
    assert not list(killed.glob("*.part"))


def test_tensorboard_shows_every_step_once(tiles: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run_until_killed(CONFIG, tiles, tmp_path, 2)  # the terms of the step itself are not shown yet
    run_until_killed(CONFIG, tiles, tmp_path, 4)
    run_training(CONFIG, tiles, tmp_path, report=str)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [e.step for e in events.Scalars("loss/watermark")] == [1, 2, 3, 4]
    assert [e.step for e in events.Images("pictures/marked")] == [2, 4]
    logged = [row["watermark"] for row in rows_of(tmp_path)]
    assert [e.value for e in events.Scalars("loss/watermark")] == pytest.approx(logged, abs=1e-6)


def test_a_log_is_cut_at_the_step_and_a_half_written_line_goes(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    cut_log(log, 3)
    assert not log.exists()
    rows = [b'{"step": 2, "basic": 1.0}\n', b"a remark\n", b"[1]\n", b'{"step": 4}\n', b'{"step": "x"}\n', b'{"st']
    log.write_bytes(b"".join(rows))
    cut_log(log, 3)
    assert log.read_bytes() == rows[0] + rows[1] + rows[2] + rows[4]
    before = log.stat()
    cut_log(log, 3)  # nothing to cut, nothing written
    assert (log.stat().st_ino, log.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    cut_log(log, 0)
    assert log.read_bytes() == rows[1] + rows[2] + rows[4]


def test_a_kill_while_the_log_is_cut_leaves_it_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"step": 1}\n{"step": 2}\n')

    def killed(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KilledError):
        cut_log(log, 1)
    assert log.read_bytes() == b'{"step": 1}\n{"step": 2}\n'
    assert list(tmp_path.iterdir()) == [log]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"net": replace(CONFIG.net, bound=0.5)}, "net.bound is 0.25 there, 0.5 here"),
        ({"net": replace(CONFIG.net, reader_width=16)}, "net.reader_width is 8 there, 16 here"),
        (BITS, "net.payload_channels is 3 there, 1 here; payload is 'fixed' there, 'bits' here"),
        ({"blank": 1.0}, "blank is 0.0 there, 1.0 here"),
        ({"tile": 80}, "tile is 64 there, 80 here"),
        ({"losses": replace(CONFIG.losses, adversarial=0.1)}, "losses.adversarial is 0.0 there, 0.1 here"),
    ],
)
def test_another_run_does_not_go_on(tiles: Path, tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    short = replace(CONFIG, steps=1)
    run_training(short, tiles, tmp_path, report=str)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(WeightsError, match="belongs to another run") as caught:
        run_training(replace(short, **change), tiles, tmp_path, report=str)
    assert complaint in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_another_logo_does_not_go_on_and_the_same_may_lie_elsewhere(tiles: Path, tmp_path: Path) -> None:
    red, blue, again, out = (tmp_path / name for name in ("red.png", "blue.png", "again.png", "run"))
    for path, colour in ((red, "red"), (blue, "blue"), (again, "red")):
        Image.new("RGB", (40, 40), colour).save(path)
    config = replace(CONFIG, logo=str(red), steps=1)
    run_training(config, tiles, out, report=str)
    logo = read_tensors(out / "checkpoint.safetensors")["logo"]
    assert logo.dtype == torch.uint8
    assert np.array_equal(logo.numpy(), np.full((32, 32, 3), (255, 0, 0)))
    for other, name in ((str(blue), "blue.png here"), ("", "the built-in logo here")):
        with pytest.raises(WeightsError, match=rf"its logo is another picture: .*red\.png there, .*{name}"):
            run_training(replace(config, logo=other), tiles, out, report=str)
    lines: list[str] = []
    trainer = run_training(
        replace(config, logo=str(again), steps=2, learning_rate=2e-3), tiles, out, report=lines.append
    )
    assert trainer.step == 2
    said = next(line for line in lines if line.startswith("the checkpoint was made with"))
    assert "steps 1, now 2" in said
    assert "learning_rate 0.001, now 0.002" in said
    red.write_bytes(blue.read_bytes())  # the name is the same, the picture is not
    with pytest.raises(WeightsError, match="its logo is another picture"):
        run_training(config, tiles, out, report=str)


def test_checkpoints_of_earlier_versions_go_on(tiles: Path, tmp_path: Path) -> None:
    run_training(replace(CONFIG, steps=2), tiles, tmp_path, report=str)
    path = tmp_path / "checkpoint.safetensors"
    tensors = read_tensors(path)
    del tensors["logo"]
    write_tensors(path, tensors, {"step": "2"})
    assert run_training(replace(CONFIG, blank=1.0), tiles, tmp_path, report=str).step == 4
    assert load_config(json.loads(read_metadata(path)["config"])) == replace(CONFIG, blank=1.0)


@pytest.mark.parametrize(
    "about", [{"step": "x"}, {"config": "{"}, {"config": "[]"}, {"config": '{"name": "x", "new": 1}'}]
)
def test_what_a_checkpoint_says_may_be_nonsense(tiles: Path, tmp_path: Path, about: dict[str, str]) -> None:
    write_tensors(tmp_path / "checkpoint.safetensors", {"a": torch.zeros(1)}, about)
    with pytest.raises(WeightsError, match=r"checkpoint\.safetensors says of itself what this version does not know"):
        run_training(CONFIG, tiles, tmp_path, report=str)


def test_a_configuration_has_one_hash_and_names_its_differences() -> None:
    same = load_config(json.loads(json.dumps(asdict(CONFIG))))
    assert same == CONFIG
    assert same.sha256 == CONFIG.sha256
    assert replace(CONFIG, psnr=(30, 34)).sha256 == replace(CONFIG, psnr=(30.0, 34.0)).sha256
    other = replace(CONFIG, steps=5, net=replace(CONFIG.net, lattice=True))
    assert other.sha256 != CONFIG.sha256
    assert differences(CONFIG, other) == {"net.lattice": (False, True), "steps": (4, 5)}
    attacks: dict[str, Any] = {"none": (1.0, 0, 0), "blur": (1.0, 0.5, 1.0)}
    turned = dict(reversed(attacks.items()))  # draws go by the order
    assert replace(CONFIG, attacks=attacks).sha256 != replace(CONFIG, attacks=turned).sha256
