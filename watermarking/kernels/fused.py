"""``a * b + c`` with one rounding.

Only for figures that depend on the last bit of long recursions; processors without the instruction take a slow but
equal way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic, overload

__all__ = ["fma"]


def fma(a: np.float32, b: np.float32, c: np.float32) -> np.float32:
    """Return ``a * b + c`` of float32 values, rounded once; for kernels.

    Outside of compiled code the sum is rounded to float64 on the way, which differs in one case of a billion.
    """
    return np.float32(np.float64(a) * np.float64(b) + np.float64(c))


def _generator(_context: Any, _a: Any, _b: Any, _c: Any) -> Any:
    signature = types.float32(types.float32, types.float32, types.float32)

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return signature, generate


_fused: Any = intrinsic(_generator)


def _compiled(a: np.float32, b: np.float32, c: np.float32) -> Any:
    return _fused(a, b, c)


@overload(fma, strict=False)
def _code(_a: Any, _b: Any, _c: Any) -> Any:
    return _compiled
