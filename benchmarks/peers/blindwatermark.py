"""blind-watermark 0.4.4 (MIT): singular values of 4x4 DCT blocks of a Haar band, quantised."""

from __future__ import annotations

from typing import Any

import numpy as np
from blind_watermark import WaterMark, bw_notes

bw_notes.close()
_D1, _D2 = 36.0, 20.0  # the package's own steps


class Adapter:
    """The package with its steps scaled by the strength; None is its own."""

    checks = False  # an answer is what there is, right or wrong

    def __init__(self, method: str, refused: type[Exception]) -> None:
        del method
        self.refused = refused

    def embed(self, rgb: Any, bits: Any, strength: float | None) -> Any:
        """Return a marked copy (H, W, 3)."""
        mark = self._mark(strength or 1.0)
        mark.read_img(img=rgb[..., ::-1].copy())
        mark.read_wm(bits.astype(bool), mode="bit")
        try:
            marked = mark.embed()
        except AssertionError as error:
            raise self.refused(f"blind-watermark: {error}") from error
        return np.rint(marked[..., ::-1])

    def read(self, rgb: Any, n_bits: int, strength: float) -> Any:
        """Return the bits, split in two classes as the package does."""
        return self._mark(strength).extract(embed_img=rgb[..., ::-1].copy(), wm_shape=n_bits, mode="bit") > 0.5

    @staticmethod
    def _mark(strength: float) -> Any:
        mark = WaterMark(password_img=1, password_wm=1)
        mark.bwm_core.d1, mark.bwm_core.d2 = _D1 * strength, _D2 * strength
        return mark
