"""Every attack passes the one suite, with no exemptions."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.attacks import attack_ids, parse_attack
from watermarking.attacks.attack import as_uint8
from watermarking.errors import UnsupportedImageError
from watermarking.testing import AttackConformance


@pytest.mark.parametrize("attack_id", attack_ids())
class TestEveryAttack(AttackConformance):
    """See ``watermarking.testing``."""


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_attacks_see_contiguous_pictures(dtype: type) -> None:
    """A library in C reads the bytes as they lie."""
    across = np.zeros((9, 7, 3), dtype).transpose(1, 0, 2)
    assert as_uint8(across).flags.c_contiguous


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4), np.int64),
        np.zeros((4, 4), bool),
        np.full((4, 4), np.nan),
        np.full((4, 4), 1.5),
        [[1, 2], [3, 4]],
    ],
    ids=["empty", "two channels", "one axis", "int64", "bool", "nan", "above one", "list"],
)
def test_no_picture_is_refused(image: np.ndarray) -> None:
    with pytest.raises(UnsupportedImageError):
        parse_attack("noise")(image, rng=np.random.default_rng(5))
