"""What every attack owes its callers, third parties' attacks included; no attack is known here by name."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from tests.attacks.conftest import smooth_picture
from watermarking.attacks import Attack, attack_class, attack_ids, describe, parse_attack
from watermarking.errors import CapacityError, UnsupportedImageError

IDS = attack_ids()
FAMILIES = {"formats", "geometry", "values", "noise", "filters", "occlusion", "chain", "security"}
ODD_SHAPES = [(1, 1), (1, 1, 3), (1, 40, 3), (40, 1, 3), (2, 3, 3), (7, 9), (17, 33, 3)]


def attacked(attack: Attack, image: np.ndarray, seed: int = 5) -> np.ndarray:
    return attack(image, rng=np.random.default_rng(seed))


def by_kind(picture: np.ndarray) -> dict[str, np.ndarray]:
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


@pytest.mark.parametrize("attack_id", IDS)
def test_kind_stays_and_input_is_untouched(attack_id: str, picture: np.ndarray) -> None:
    attack = parse_attack(attack_id)
    results = {}
    for kind, image in by_kind(picture).items():
        before = image.copy()
        results[kind] = result = attacked(attack, image)
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


@pytest.mark.parametrize("attack_id", IDS)
def test_the_seed_decides(attack_id: str, picture: np.ndarray) -> None:
    attack = parse_attack(attack_id)
    np.testing.assert_array_equal(attacked(attack, picture), attacked(attack, picture))


@pytest.mark.parametrize("attack_id", IDS)
def test_text_form_round_trips(attack_id: str) -> None:
    attack = parse_attack(attack_id)
    assert parse_attack(str(attack)) == attack
    assert parse_attack(attack.label) == attack
    assert hash(parse_attack(str(attack))) == hash(attack)


@pytest.mark.parametrize("attack_id", IDS)
def test_class_says_what_it_is(attack_id: str) -> None:
    found = attack_class(attack_id)
    assert found.id == attack_id
    assert found.family in FAMILIES
    lines = describe(attack_id).splitlines()
    assert lines[0].startswith(f"{attack_id} ({found.family}): ")
    assert len(lines) == 1 + len(fields(found))


@pytest.mark.parametrize("attack_id", IDS)
def test_odd_and_flat_pictures_do_not_crash(attack_id: str) -> None:
    attack = parse_attack(attack_id)
    for shape in ODD_SHAPES:
        for image in (smooth_picture(shape), np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)):
            try:
                result = attacked(attack, image)
            except CapacityError:  # no mark fits: said so, as it should
                continue
            assert result.ndim == image.ndim
            assert min(result.shape) >= 1


@pytest.mark.parametrize("attack_id", IDS)
def test_place_foretells_the_size(attack_id: str, picture: np.ndarray) -> None:
    attack = parse_attack(attack_id)
    matrix, size = attack.place(picture.shape[:2], np.random.default_rng(5))
    assert size == attacked(attack, picture).shape[:2]
    assert matrix is None or matrix.shape == (3, 3)
    if not attack.geometric:
        np.testing.assert_array_equal(matrix, np.eye(3))


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
        attacked(parse_attack("noise"), image)
