from __future__ import annotations

import numpy as np
import pytest


def smooth_picture(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Noise with the falling spectrum of photographs, of any shape."""
    rng = np.random.default_rng(seed)
    channels = shape[2] if len(shape) == 3 else 1
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
    spectrum = np.fft.fft2(rng.standard_normal((channels, *shape[:2]))) / np.maximum(frequency, 0.01) ** 1.4
    planes = np.fft.ifft2(spectrum).real
    planes = 128 + 45 * (planes - planes.mean()) / max(1e-9, planes.std()) + rng.normal(0, 1, planes.shape)
    picture = np.clip(np.rint(np.moveaxis(planes, 0, -1)), 0, 255).astype(np.uint8)
    return picture if len(shape) == 3 else picture[..., 0]


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    made = smooth_picture((120, 161, 3))
    made.flags.writeable = False
    return made
