"""Deep image-in-image watermarks: the H / R networks of Zhang et al. (AAAI 2020), small enough for a CPU."""

from __future__ import annotations

from importlib.util import find_spec

from watermarking.errors import MissingExtraError

for _module in ("torch", "safetensors"):
    if find_spec(_module) is None:
        raise MissingExtraError(f"the scheme 'deep' needs {_module}: pip install 'watermarking[deep]'")
