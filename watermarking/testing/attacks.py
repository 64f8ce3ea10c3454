"""What every attack owes its callers, whoever wrote it; no attack is known here by name."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from watermarking.attacks import attack_class, describe, parse_attack
from watermarking.errors import CapacityError
from watermarking.testing.covers import smooth_picture

if TYPE_CHECKING:
    from watermarking.attacks import Attack
    from watermarking.testing.covers import Array

__all__ = ["FAMILIES", "AttackConformance"]

FAMILIES: Final = frozenset({"formats", "geometry", "values", "noise", "filters", "occlusion", "chain", "security"})
"""What an attack's ``family`` is one of: reports are sorted by it."""
_ODD_SHAPES: Final = ((1, 1), (1, 1, 3), (1, 40, 3), (40, 1, 3), (2, 3, 3), (7, 9), (17, 33, 3))


def _attacked(attack: Attack, image: Array, seed: int = 5) -> Array:
    return np.asarray(attack(image, rng=np.random.default_rng(seed)))


def _by_kind(picture: Array) -> dict[str, Array]:
    alpha = np.full((*picture.shape[:2], 1), 200, np.uint8)
    return {
        "colour": picture,
        "grey": picture[..., 0],
        "alpha": np.concatenate([picture, alpha], axis=2),
        "uint16": picture.astype(np.uint16) * 257,
        "float32": (picture / 255).astype(np.float32),
        "float64": picture / 255,
        "view": picture[:, ::-1],
    }


class AttackConformance:
    """The suite: one instance of every test an attack; parametrise a subclass with ``attack_id``."""

    @pytest.fixture
    def picture(self) -> Array:
        """Make a picture that no attack may write to."""
        made = smooth_picture((120, 161, 3))
        made.flags.writeable = False
        return made

    def test_kind_stays_and_input_is_untouched(self, attack_id: str, picture: Array) -> None:
        attack = parse_attack(attack_id)
        results = {}
        for kind, image in _by_kind(picture).items():
            before = image.copy()
            results[kind] = result = _attacked(attack, image)
            np.testing.assert_array_equal(image, before, err_msg=kind)
            assert result.dtype == image.dtype, kind
            assert result.shape[2:] == image.shape[2:], kind
            assert not np.may_share_memory(result, image), kind
            assert attack.geometric or result.shape == image.shape, kind
            assert result.flags.writeable
        np.testing.assert_array_equal(results["uint16"], results["colour"].astype(np.uint16) * 257)
        np.testing.assert_array_equal(results["float64"], results["colour"] / 255)
        if not attack.geometric:
            assert (results["alpha"][..., 3] == 200).all()

    def test_the_seed_decides(self, attack_id: str, picture: Array) -> None:
        attack = parse_attack(attack_id)
        np.testing.assert_array_equal(_attacked(attack, picture), _attacked(attack, picture))

    def test_text_form_round_trips(self, attack_id: str) -> None:
        attack = parse_attack(attack_id)
        assert parse_attack(str(attack)) == attack
        assert parse_attack(attack.label) == attack
        assert hash(parse_attack(str(attack))) == hash(attack)

    def test_class_says_what_it_is(self, attack_id: str) -> None:
        found = attack_class(attack_id)
        assert found.id == attack_id
        assert found.family in FAMILIES
        lines = describe(attack_id).splitlines()
        assert lines[0].startswith(f"{attack_id} ({found.family}): ")
        assert len(lines) == 1 + len(fields(found))

    def test_odd_and_flat_pictures_do_not_crash(self, attack_id: str) -> None:
        attack = parse_attack(attack_id)
        for shape in _ODD_SHAPES:
            for image in (smooth_picture(shape), np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)):
                try:
                    result = _attacked(attack, image)
                except CapacityError:  # no mark fits: said so, as it should
                    continue
                assert result.ndim == image.ndim
                assert min(result.shape) >= 1

    def test_place_foretells_the_size(self, attack_id: str, picture: Array) -> None:
        attack = parse_attack(attack_id)
        matrix, size = attack.place(picture.shape[:2], np.random.default_rng(5))
        assert size == _attacked(attack, picture).shape[:2]
        assert matrix is None or matrix.shape == (3, 3)
        if not attack.geometric:
            np.testing.assert_array_equal(matrix, np.eye(3))
