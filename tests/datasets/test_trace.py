"""Tracing pictures: leaked ones, mixed and averaged, and manifests that are none of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from covers import photograph

from watermarking.attacks import parse_attack
from watermarking.attacks.collusion import Collude
from watermarking.datasets.trace import trace
from watermarking.errors import UnknownSchemeError, WatermarkError
from watermarking.keys import Key
from watermarking.messages.marker import Marker

KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))
NAMES = ["ada", "bob", "cleo", "dan", "eve"]
U8 = npt.NDArray[np.uint8]


@dataclass
class Row:
    message: bytes | None
    recipient: str | None
    key_label: str | None = None


def message(name: str, index: int) -> bytes:
    return f"{name}-{index:06d}".encode()


ROWS = [Row(message(name, index), name) for name in NAMES for index in range(8)]


@pytest.fixture(scope="module")
def copies() -> dict[str, list[U8]]:
    marker = Marker(key=KEY)
    covers = [photograph((288, 384, 3), seed=seed) for seed in range(6)]
    return {
        name: [np.asarray(marker.embed(cover, message(name, index))) for index, cover in enumerate(covers)]
        for name in NAMES[:3]
    }


def leaked(pictures: list[U8], attack: str = "jpeg(60)") -> list[Any]:
    return [parse_attack(attack)(one, rng=np.random.default_rng(place)) for place, one in enumerate(pictures)]


def test_three_pictures_that_were_scaled_and_coded_anew(copies: dict[str, list[U8]]) -> None:
    found = trace(leaked(copies["bob"], "resize(0.7) | jpeg(60)")[:3][::-1], iter(ROWS), KEY)
    assert found.named() == ["bob"]
    assert found["bob"].p_value < 1e-12
    assert list(found) == sorted(NAMES, key=lambda name: found[name].p_value)
    assert len(found) == 5
    assert found.summary().startswith("made from the copies of bob (p = ")


def test_cropped_pictures_are_found_at_the_scale_of_the_others(copies: dict[str, list[U8]]) -> None:
    mixed = leaked(copies["ada"][:3], "resize(0.8) | jpeg(70)") + leaked(
        copies["cleo"][3:], "crop(0.75) | resize(0.8) | jpeg(70)"
    )
    assert sorted(trace(mixed, ROWS, KEY).named()) == ["ada", "cleo"]


def test_averages_name_all_whose_copies_they_are(copies: dict[str, list[U8]]) -> None:
    rng = np.random.default_rng(0)
    merged = [Collude()(list(three), rng=rng) for three in zip(*copies.values(), strict=True)]
    assert sorted(trace(leaked(merged), ROWS, KEY).named(1e-9)) == NAMES[:3]


def test_unmarked_pictures_and_other_keys_name_nobody(copies: dict[str, list[U8]]) -> None:
    for suspects, key in (([photograph((288, 384, 3), seed=9)], KEY), (leaked(copies["ada"])[:2], OTHER)):
        found = trace(suspects, ROWS, key)
        assert not found.named(1e-3)
        assert not found.presence.is_present(1e-3)
        assert found.summary().startswith("no mark of the key was found")


def test_a_manifest_of_other_copies_is_said_to_be_none_of_theirs(copies: dict[str, list[U8]]) -> None:
    rows = [Row(b"x" + row.message, row.recipient) for row in ROWS if row.message]
    found = trace(leaked(copies["ada"])[:2], rows, KEY)
    assert not found.named(1e-3)
    assert set(found.strangers) == {message("ada", 0), message("ada", 1)}
    assert found.summary() == (
        "the manifest is not the suspect's: it carries messages that no row holds, 'ada-000000', 'ada-000001'"
    )
    worn = trace(leaked(copies["ada"], "resize(0.7) | jpeg(30)"), rows, KEY)
    assert not worn.named(1e-3)


def test_keys_of_samples_are_derived_by_their_labels() -> None:
    rows = [Row(message(name, index), name, f"sample/{index}") for name in NAMES for index in range(2)]
    suspects = [
        Marker(key=KEY.derive(f"sample/{index}")).embed(photograph((288, 384, 3), seed=index), message("eve", index))
        for index in range(2)
    ]
    assert trace(leaked(suspects), rows, KEY).named(1e-12) == ["eve"]
    with pytest.raises(WatermarkError, match=r"have 65 keys.*at most 64.*search=0"):
        trace(suspects, [Row(b"m%d" % n, "ada", f"sample/{n}") for n in range(65)], KEY)


def test_rows_that_cannot_tell_anybody_apart_are_refused() -> None:
    rows = [Row(b"for all", "ada"), Row(b"for all", "bob")]
    with pytest.raises(WatermarkError, match="'ada' carry no message that others' do not"):
        trace([], rows, KEY)
    with pytest.raises(WatermarkError, match="names no recipient"):
        trace([], [Row(b"m", None), Row(None, "ada")], KEY)
    with pytest.raises(WatermarkError, match="give a list"):
        trace(photograph((64, 64, 3)), ROWS, KEY)  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(UnknownSchemeError, match="'additive_block' cannot be traced"):
        trace([], ROWS, KEY, scheme="additive_block")


def test_a_message_that_two_share_speaks_for_neither(copies: dict[str, list[U8]]) -> None:
    shared = [Row(message("ada", 0), "bob"), *ROWS]
    assert trace(leaked(copies["ada"])[:1], shared, KEY).named() == []
    assert trace(leaked(copies["ada"])[:2], shared, KEY).named() == ["ada"]


@pytest.mark.parametrize("suspects", [[], [np.zeros((9, 9), np.uint8)], [np.full((300, 300, 3), 255, np.uint8)]])
def test_nothing_and_pictures_that_hold_nothing(suspects: list[U8]) -> None:
    found = trace(suspects, ROWS, KEY)
    assert min(verdict.p_value for verdict in found.values()) > 1e-2
    assert not found.strangers
