"""The proof: p-values are exact under random keys, small for suspects that learnt, and bad input is named."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
import pytest
from learnt import answers, colourful, leaky
from scipy import stats

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.keys import Key
from watermarking.ownership.learnable import LearnableMark
from watermarking.ownership.learnable.chance import correlation, correlation_p_value
from watermarking.ownership.learnable.estimate import shown
from watermarking.ownership.learnable.pairs import added, measured
from watermarking.ownership.learnable.streams import sphere

KEY = Key(bytes(range(32)))
MARK = LearnableMark()
OWN = colourful(6)
Array = np.ndarray[Any, Any]


def changed(picture: Array, gain: float = 1.0, gamma: float = 1.0, saturation: float = 1.0) -> Array:
    levels = 255 * (picture / 255.0) ** gamma * gain
    grey = levels.mean(2, keepdims=True)
    return np.clip(grey + saturation * (levels - grey) + 0.5, 0, 255).astype(np.uint8)


def jpeg(picture: Array) -> Array:
    coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1]


def test_a_suspect_that_learnt_is_found_and_with_the_wrong_key_is_not() -> None:
    suspect = answers(OWN, leaky(MARK, KEY))
    assert MARK.verify(suspect, OWN, key=KEY).p_value < 1e-9
    assert MARK.verify(suspect, OWN, key=Key(bytes(16))).p_value > 1e-3
    assert MARK.verify(answers(OWN, leaky(MARK, KEY, share=0.0)), OWN, key=KEY).p_value > 1e-3


def test_grey_answers_are_found_too() -> None:
    own = [np.ascontiguousarray(picture[..., 1]) for picture in OWN]
    suspect = answers(own, leaky(MARK, KEY, share=0.7, blur=0.3))
    assert MARK.verify(suspect, own, key=KEY).p_value < 1e-5
    assert MARK.verify(suspect, own, key=Key(bytes(16))).p_value > 1e-3


def test_grey_answers_in_three_channels_are_those_in_one() -> None:
    """Networks give three channels that differ by rounding."""
    own = [np.ascontiguousarray(picture[..., 1]) for picture in OWN]
    suspect = answers(own, leaky(MARK, KEY, share=0.7, blur=0.3))
    deep_own, deep_suspect = (
        [np.repeat(picture[..., np.newaxis], 3, 2) for picture in part] for part in (own, suspect)
    )
    alone = MARK.verify(suspect, own, key=KEY).p_value
    assert MARK.verify(deep_suspect, deep_own, key=KEY).p_value == pytest.approx(alone, rel=1e-3)
    for picture in deep_own:
        picture[::7, ::3, 0] ^= 1
    assert MARK.verify(deep_suspect, deep_own, key=KEY).p_value < 1e-5


def test_colour_and_grey_answers_are_judged_together() -> None:
    own = [*OWN[:3], *(np.ascontiguousarray(picture[..., 1]) for picture in OWN[3:])]
    suspect = answers(own, leaky(MARK, KEY, share=0.6, blur=0.3))
    colour, grey = MARK.verify(suspect[:3], own[:3], key=KEY), MARK.verify(suspect[3:], own[3:], key=KEY)
    both = MARK.verify(suspect, own, key=KEY)
    product = colour.p_value * grey.p_value
    assert both.p_value == pytest.approx(product * (1 - np.log(product)), rel=1e-6)
    assert both.p_value < min(colour.p_value, grey.p_value)
    black = np.zeros((64, 64), np.uint8)
    assert MARK.verify([*suspect[:3], black], [*own[:3], black], key=KEY).p_value == colour.p_value


@pytest.mark.parametrize(
    "process",
    [
        jpeg,
        functools.partial(changed, gain=1.1),
        functools.partial(changed, gamma=1.1),
        functools.partial(changed, saturation=1.1),
    ],
    ids=["jpeg", "gain", "gamma", "saturation"],
)
def test_it_outlives_what_is_done_to_answers(process: Any) -> None:
    suspect = [process(answer) for answer in answers(OWN, leaky(MARK, KEY, share=0.6))]
    assert MARK.verify(suspect, OWN, key=KEY).p_value < 1e-6


def test_a_picture_that_was_clipped_all_over_spoils_nothing() -> None:
    suspect = answers(OWN, leaky(MARK, KEY))
    bright = np.full_like(OWN[0], 250)
    clipped = np.full_like(OWN[0], 255)
    clipped[..., 2] = 180
    alone = MARK.verify(suspect, OWN, key=KEY).p_value
    assert MARK.verify([*suspect, clipped], [*OWN, bright], key=KEY).p_value == alone


def test_tone_changes_alone_prove_nothing() -> None:
    for process in (functools.partial(changed, saturation=0.8), functools.partial(changed, gamma=1.2)):
        assert MARK.verify([process(picture) for picture in OWN], OWN, key=KEY).p_value > 1e-4


def test_references_take_away_what_surrogates_get_wrong() -> None:
    def wrong(picture: Array) -> Array:
        redder = picture.astype(int) + 10 * (picture[..., 1:2] > 100) * np.array([1, 0, 0])
        return np.clip(redder, 0, 255).astype(np.uint8)

    suspect = [wrong(answer) for answer in answers(OWN, leaky(MARK, KEY, share=0.15))]
    alone = MARK.verify(suspect, OWN, key=KEY).p_value
    helped = MARK.verify(suspect, OWN, key=KEY, references=[[wrong(picture) for picture in OWN]]).p_value
    assert helped < 1e-3 * alone


def test_p_values_are_uniform_over_directions_for_any_answers() -> None:
    """Exactly so: whatever the suspect answers, the key's direction is a uniform point of its sphere."""
    suspect = [changed(picture, saturation=0.7, gamma=1.2) for picture in OWN]
    ((sums, family),) = added(measured(one, own, (), key=KEY) for one, own in zip(suspect, OWN, strict=True))
    seen, drawn = shown(sums, family)
    values = []
    for i in range(1000):
        direction = sphere(Key(i.to_bytes(16, "big")), "test", family.direction.shape).ravel()  # type: ignore[arg-type]
        values.append(correlation_p_value(correlation(seen, drawn, direction), seen, drawn))
    assert stats.kstest(values, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("picture", [np.zeros((8, 8, 3), np.uint8), np.full((1, 1), 7, np.uint8)], ids=["flat", "one"])
def test_pictures_that_say_nothing_prove_nothing(picture: Array) -> None:
    assert MARK.verify([picture], [picture], key=KEY).p_value == 1.0


def test_copies_of_the_owners_answers_prove_nothing() -> None:
    assert MARK.verify(OWN, OWN, key=KEY).p_value == 1.0


def test_unrelated_answers_prove_nothing() -> None:
    assert MARK.verify(OWN[::-1], OWN, key=KEY).p_value > 1e-4


@pytest.mark.parametrize(
    ("suspect", "own", "references", "message"),
    [
        ([], [], (), "0 answers"),
        (OWN[:2], OWN[:1], (), "2 answers of the suspect, 1 of the owner"),
        (OWN[:1], OWN[:1], ([],), "of references"),
        ([OWN[0][:64]], OWN[:1], (), "same query"),
        ([OWN[0][..., 0]], OWN[:1], (), "same query"),
    ],
)
def test_answers_that_do_not_pair_are_refused(suspect: Any, own: Any, references: Any, message: str) -> None:
    with pytest.raises(WatermarkError, match=message):
        MARK.verify(suspect, own, key=KEY, references=references)


def test_answers_that_are_no_pictures_are_refused() -> None:
    with pytest.raises(UnsupportedImageError, match="float64"):
        MARK.verify([OWN[0] / 255], OWN[:1], key=KEY)
