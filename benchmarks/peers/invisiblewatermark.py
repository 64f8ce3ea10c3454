"""invisible-watermark 0.2.0 (MIT), the watermark of Stable Diffusion's scripts: dwtDct, dwtDctSvd, rivaGan."""

from __future__ import annotations

from typing import Any

import numpy as np
from imwatermark import WatermarkDecoder, WatermarkEncoder

_SCALES = {"dwtDct": [0, 36, 36], "dwtDctSvd": [0, 36, 0]}  # the package's own
_LEAST = 256 * 256  # pixels that the package takes
_last: dict[str, Any] = {}


class Adapter:
    """One method of the package; the strength scales its steps, or the change that rivaGan's network makes.

    None is the package's own. rivaGan offers no strength: it is scaled where equal PSNR is asked for, and nowhere else.
    """

    checks = False

    def __init__(self, method: str, refused: type[Exception]) -> None:
        self.method, self.refused = method, refused
        if method == "rivaGan":
            WatermarkEncoder.loadModel()

    def embed(self, rgb: Any, bits: Any, strength: float | None) -> Any:
        """Return a marked copy (H, W, 3)."""
        if self.method == "rivaGan" and bits.size != 32:
            raise self.refused(f"rivaGan carries 32 bits, {bits.size} are asked for")
        if rgb.shape[0] * rgb.shape[1] < _LEAST:
            raise self.refused("invisible-watermark takes pictures of at least 256x256 pixels")
        if self.method != "rivaGan" or strength is None:
            return self._encode(rgb, bits, strength or 1.0)
        asked = (rgb.tobytes(), bits.tobytes())
        if _last.get("asked") != asked:  # other strengths of the same mark cost nothing
            _last.update(asked=asked, marked=self._encode(rgb, bits, strength))
        return np.clip(np.rint(rgb + strength * (_last["marked"].astype(np.float32) - rgb)), 0, 255)

    def read(self, rgb: Any, n_bits: int, strength: float) -> Any:
        """Return the bits; none of a picture that is too small for the package, such as a part that was cut out."""
        if rgb.shape[0] * rgb.shape[1] < _LEAST:
            return np.zeros(0, np.uint8)
        return WatermarkDecoder("bits", n_bits).decode(rgb[..., ::-1].copy(), self.method, **self._scales(strength))

    def _encode(self, rgb: Any, bits: Any, strength: float) -> Any:
        encoder = WatermarkEncoder()
        encoder.set_watermark("bits", bits.tolist())
        return encoder.encode(rgb[..., ::-1].copy(), self.method, **self._scales(strength))[..., ::-1]

    def _scales(self, strength: float) -> dict[str, Any]:
        if self.method == "rivaGan":
            return {}
        return {"scales": [scale * strength for scale in _SCALES[self.method]]}
