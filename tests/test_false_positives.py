"""Pictures without a mark, and marks under other keys, stay below the stated rates; nobody's message is ever read.

The benchmark does this 20,000 times; here it is 504 times a statistic.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import pytest
from covers import odd_pictures, photograph
from scipy import stats

from watermarking.interface import RestoringScheme
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.registry import scheme_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.interface import Image

SHAPE = (480, 512)
N_PAIRS = 504


class Outcome(NamedTuple):
    message: bytes | None
    presence: float
    known: float


def pictures(scheme_id: str) -> list[Image]:
    """Unmarked pictures of every kind, and pictures that carry another key's mark."""
    owner = Marker(scheme_id, key=Key(b"the owner's own key"), psnr=38)
    photographs = [photograph((*SHAPE, 3), seed=seed) for seed in range(4)]
    flat = odd_pictures(SHAPE)
    covers = [*photographs[:2], flat["grey"], flat["dark"]]
    if not isinstance(owner.scheme, RestoringScheme):  # which have no room in noise
        covers.append(flat["noise"])
    marked = [owner.embed(cover, "Ada") for cover in covers]
    return [*photographs, *flat.values(), *marked]


def pairs() -> Iterator[tuple[str, Image, Key]]:
    schemes = scheme_ids()
    by_scheme = {scheme: itertools.cycle(pictures(scheme)) for scheme in schemes}
    for number in range(N_PAIRS):
        scheme = schemes[number % len(schemes)]
        yield scheme, next(by_scheme[scheme]), Key(number.to_bytes(16, "little"))


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    found = []
    for scheme, picture, key in pairs():
        marker = Marker(scheme, key=key, search=0)
        reading = marker.extract(picture)
        found.append(Outcome(reading.message, reading.detection.p_value, marker.detect(picture, "Ada").p_value))
    return found


def test_no_message_is_ever_read(outcomes: list[Outcome]) -> None:
    assert len(outcomes) == N_PAIRS
    assert [one.message for one in outcomes] == [None] * N_PAIRS


@pytest.mark.parametrize("fpr", [1e-2, 1e-3])
@pytest.mark.parametrize("statistic", ["presence", "known"])
def test_false_positives_are_as_rare_as_stated(outcomes: list[Outcome], statistic: str, fpr: float) -> None:
    p_values = [getattr(one, statistic) for one in outcomes]
    assert all(0 <= p_value <= 1 for p_value in p_values)
    assert sum(p_value <= fpr for p_value in p_values) <= stats.binom.ppf(0.999, N_PAIRS, fpr)


def test_p_values_are_no_constant(outcomes: list[Outcome]) -> None:
    """A test that always says 1 would pass the others."""
    for statistic in ("presence", "known"):
        assert sum(getattr(one, statistic) < 0.5 for one in outcomes) > N_PAIRS // 100


def test_searching_for_an_alignment_finds_none() -> None:
    for scheme, picture, key in itertools.islice(pairs(), 0, N_PAIRS, 101):
        found = Marker(scheme, key=key).extract(picture)
        assert found.message is None
        assert found.geometry is None
        assert not found.detection.is_present(1e-4)
