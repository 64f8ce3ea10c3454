"""Noise layers against the real attacks, and their gradients."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from watermarking.deep.networks.resample import axis_weights, resample  # noqa: E402
from watermarking.deep.training import noise  # noqa: E402
from watermarking.deep.training.jpeg import jpeg, quantiser_steps  # noqa: E402


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rng = np.random.default_rng(3)
    smooth = cv2.GaussianBlur(rng.random((120, 152, 3)).astype(np.float32), (0, 0), 2)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.asarray(smooth * 255, np.uint8)


def to_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def to_array(x: torch.Tensor) -> np.ndarray:
    return x[0].permute(1, 2, 0).numpy() * 255


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((a.astype(float) - b) ** 2), 1e-9)))


@pytest.mark.parametrize("quality", [30, 50, 75, 95])
@pytest.mark.parametrize("subsample", [True, False])
def test_jpeg_equals_libjpeg(picture: np.ndarray, quality: int, subsample: bool) -> None:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality, subsampling=2 if subsample else 0)
    real = np.asarray(Image.open(stream))
    ours = to_array(jpeg(to_tensor(picture), quality, subsample=subsample))
    loss = psnr(real, picture)
    # Far closer to the codec than the codec is to the picture. With 4:2:0 libjpeg averages and grows chroma in
    # integers, so that a coefficient near a half is rounded the other way now and then.
    assert psnr(ours, real) > (loss + 8 if subsample else max(44.0, loss + 6))


def test_jpeg_tables_are_the_files() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "JPEG", quality=75)
    tables = Image.open(stream).quantization
    assert list(quantiser_steps(75, chroma=False).reshape(-1).int()) == list(tables[0])
    assert list(quantiser_steps(75, chroma=True).reshape(-1).int()) == list(tables[1])


@pytest.mark.parametrize("size", [(60, 76), (47, 100), (120, 152)])
def test_shrinking_equals_opencv_area(picture: np.ndarray, size: tuple[int, int]) -> None:
    real = cv2.resize(picture.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(to_array(resample(to_tensor(picture), size)) - real).max() < 0.02


@pytest.mark.parametrize("size", [(240, 304), (133, 200)])
def test_growing_equals_opencv_linear(picture: np.ndarray, size: tuple[int, int]) -> None:
    real = cv2.resize(picture.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.abs(to_array(resample(to_tensor(picture), size)) - real).max() < 0.02


def test_rows_of_resampling_weights_sum_to_one() -> None:
    for n_in, n_out in ((7, 3), (3, 7), (100, 33), (5, 5), (1, 4)):
        assert np.allclose(axis_weights(n_in, n_out).sum(1), 1)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_blur_equals_opencv(picture: np.ndarray, sigma: float) -> None:
    side = 2 * int(np.ceil(4 * sigma)) + 1
    real = cv2.GaussianBlur(picture.astype(np.float32), (side, side), sigma, borderType=cv2.BORDER_REFLECT_101)
    assert np.abs(to_array(noise.blur(to_tensor(picture), sigma)) - real).max() < 0.02


def test_noise_has_its_strength_and_crop_its_area() -> None:
    grey = torch.full((1, 3, 100, 100), 0.5)
    assert abs(float(noise.gaussian_noise(grey, 5.0, torch.tensor([1])).std()) * 255 - 5) < 0.1
    kept = noise.crop(torch.ones(1, 3, 100, 100), 0.5, torch.tensor([1]))
    assert abs(float((kept == 1).float().mean()) - 0.5) < 0.02


@pytest.mark.parametrize(("name", "value"), [("noise", 3.0), ("crop", 0.6)])
def test_a_picture_is_struck_alike_in_any_batch(name: str, value: float) -> None:
    images, seeds = torch.rand(3, 3, 40, 48), torch.tensor([5, 6, 2**61])
    together = noise.strike(images, name, value, seeds)
    assert torch.equal(together[1:], noise.strike(images[1:], name, value, seeds[1:]))
    assert not torch.equal(together[0] - images[0], together[1] - images[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [("jpeg", 60.0), ("resize", 0.7), ("crop", 0.6), ("blur", 1.0), ("noise", 3.0), ("colour", 0.1)],
)
def test_every_layer_lets_a_gradient_through(name: str, value: float) -> None:
    image = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(2)).requires_grad_()
    noise.strike(image, name, value, torch.tensor([1])).square().sum().backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().sum() > 0
