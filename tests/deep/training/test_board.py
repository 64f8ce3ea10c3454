"""What a run shows in TensorBoard, read back from its event file; and runs without TensorBoard."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from watermarking.deep.training.config import load_config  # noqa: E402
from watermarking.deep.training.session import run_training  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = load_config({
    "name": "shown", "payload": "fixed", "tile": 64, "groups": 1, "group": 5, "reach": [1.0, 1.2], "shrink": [1.0],
    "net": {"hider_widths": [8, 8], "reader_width": 8, "reader_blocks": 1, "stem_width": 4, "pilot_ratio": 0},
    "steps": 4, "log_every": 1, "save_every": 2, "psnr": [30, 34],
})  # fmt: skip


def test_terms_and_pictures_are_written(tiles: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = run_training(CONFIG, tiles, tmp_path, report=str)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [e.step for e in events.Scalars("loss/watermark")] == [1, 2, 3, 4]
    assert set(events.Tags()["scalars"]) == {f"loss/{name}" for name in ("watermark", "perceptual", "basic", "clean")}
    shown: dict[str, np.ndarray] = {}
    for name in ("cover", "marked", "difference_x20", "payload", "read_back"):
        entries = events.Images(f"pictures/{name}")
        assert [e.step for e in entries] == [2, 4]
        shown[name] = np.asarray(Image.open(io.BytesIO(entries[-1].encoded_image_string)), np.float64)
    assert len({picture.shape for picture in shown.values()}) == 1
    change = shown["marked"] - shown["cover"]
    assert 30 < 10 * np.log10(255**2 / np.square(change).mean()) < 34.5
    inside = np.abs(change) < 6
    assert np.abs(shown["difference_x20"] - (127.5 + 20 * change))[inside].max() <= 12  # 8-bit rounding in the file
    logo = (trainer.sampler.draw(0).payload[0] + 1) * 127.5
    assert abs(shown["payload"].mean() - float(logo.mean())) < 2


def test_without_tensorboard_one_line_says_what_to_install(
    tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    lines: list[str] = []
    run_training(CONFIG, tiles, tmp_path, report=lines.append)
    assert sum("pip install 'watermarking[train]'" in line for line in lines) == 1
    assert (tmp_path / "log.jsonl").exists()
    assert not list(tmp_path.glob("events*"))
