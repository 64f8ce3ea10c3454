"""Distances between features: what happens without torch, weights or LPIPS, and the arithmetic where torch is there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from watermarking.errors import MissingExtraError, UnsupportedImageError, WeightsError
from watermarking.metrics import lpips_distance, vgg_distance

SIZES = {
    0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256),
    17: (256, 512), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512),
}  # fmt: skip
IMAGE = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize("module", ["torch", "safetensors.torch"])
def test_missing_packages(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None if module == "torch" else pytest)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"watermarking\[deep\]"):
        vgg_distance(IMAGE, IMAGE, weights=Path("none"))


def test_missing_lpips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", pytest)
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(MissingExtraError, match="pip install lpips"):
        lpips_distance(IMAGE, IMAGE)


def test_lpips_downloads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Torch:
        class hub:  # noqa: N801
            get_dir = staticmethod(lambda: str(tmp_path))

    monkeypatch.setitem(sys.modules, "torch", Torch)
    monkeypatch.setitem(sys.modules, "lpips", pytest)
    with pytest.raises(WeightsError, match=r"vgg16-397923af\.pth"):
        lpips_distance(IMAGE, IMAGE, net="vgg")


@pytest.mark.parametrize("metric", [lpips_distance, lambda a, b: vgg_distance(a, b, weights=Path("none"))])
def test_pictures_are_checked_first(metric: object) -> None:
    with pytest.raises(UnsupportedImageError):
        metric(IMAGE, IMAGE[:5])


def test_vgg_distance_is_a_distance(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra deep")
    save_file = pytest.importorskip("safetensors.torch", reason="needs the extra deep").save_file
    torch.manual_seed(0)
    state = {}
    for layer, (inputs, outputs) in SIZES.items():
        state[f"features.{layer}.weight"] = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        state[f"features.{layer}.bias"] = torch.zeros(outputs)
    save_file(state, tmp_path / "vgg.safetensors")
    noisy = np.clip(IMAGE + np.random.default_rng(1).normal(0, 20, IMAGE.shape), 0, 255).astype(np.uint8)
    same, near, far = (
        vgg_distance(IMAGE, p, weights=tmp_path / "vgg.safetensors") for p in (IMAGE, noisy, 255 - IMAGE)
    )
    assert same == pytest.approx(0, abs=1e-6)
    assert same < near < far < 4
    save_file({"features.0.weight": state["features.0.weight"]}, tmp_path / "half.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name, message in (("half", "holds no VGG-16"), ("text", "cannot be read"), ("none", "cannot be read")):
        with pytest.raises(WeightsError, match=message):
            vgg_distance(IMAGE, noisy, weights=tmp_path / f"{name}.safetensors")
