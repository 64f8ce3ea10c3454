"""What every scheme must do, whoever wrote it: subclass it and parametrise the subclass with ``scheme_id``.

It reads the traits ``payload_kind``, ``keyed`` and ``bit_exact``, and whether a scheme restores covers (such a one does
not aim at a PSNR, takes whole numbers alone, and has no room where there is no redundancy); it knows none by name.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.errors import CapacityError, UnsupportedImageError
from watermarking.interface import RestoringScheme
from watermarking.keys import Key
from watermarking.pictures.plane import working_shape
from watermarking.registry import get_config, get_scheme, scheme_class
from watermarking.testing.covers import PEAKS, odd_pictures, photograph
from watermarking.testing.payloads import MANY_BITS, error_rate, payload, same_reading, sizes
from watermarking.testing.reproduced import KEY, SHAPE, fingerprint, hash_of_another_process
from watermarking.testing.restoring import OTHER, RestoringConformance, check_strength, refused
from watermarking.threads import threads

if TYPE_CHECKING:
    from watermarking.interface import Scheme

LARGE: Final = (512, 768, 3)
THREE_PARTS: Final = r"^(\d+ bits|no picture) fits? in \d+x\d+ pixels with '\w+', \S+ are (given|needed): use a "


class SchemeConformance(RestoringConformance):
    """The suite: one instance of every test a scheme."""

    @pytest.fixture
    def scheme(self, scheme_id: str) -> Scheme:
        return get_scheme(scheme_id)

    def at(self, scheme: Scheme, strength: float) -> Scheme:
        return get_scheme({**get_config(scheme), "psnr": strength})

    # What a scheme is.

    def test_configuration_traits_and_pickling(self, scheme: Scheme, scheme_id: str) -> None:
        assert scheme.id == scheme_id
        assert scheme.payload_kind in ("bits", "picture")
        assert isinstance(scheme.keyed, bool)
        assert isinstance(scheme.bit_exact, bool)
        other = self.at(scheme, 39.25)
        assert get_scheme(json.loads(json.dumps(get_config(other)))) == other != scheme
        assert pickle.loads(pickle.dumps(other)) == other  # noqa: S301 - our own bytes
        assert len({other, scheme, get_scheme(scheme_id)}) == 2
        with pytest.raises(dataclasses.FrozenInstanceError):
            scheme.psnr = 40.0  # type: ignore[misc]  # frozen: that is what is tested
        with pytest.raises(TypeError):
            scheme_class(scheme_id)(40.0)  # type: ignore[call-arg]  # fields are keyword-only

    def test_capacity_depends_on_rows_and_columns_alone(self, scheme: Scheme) -> None:
        for height, width in [(1, 1), (256, 320), (3000, 4000), (16, 100_000)]:
            found = scheme.capacity((height, width))
            assert found == scheme.capacity((height, width, 3)) == scheme.capacity((height, width, 4))
            assert isinstance(found, int)
            assert found >= 0
        assert 0 < scheme.capacity(SHAPE) <= scheme.capacity(LARGE)

    # What goes in comes out.

    @pytest.mark.parametrize("strength", [38.0, 42.0, 46.0])
    def test_round_trip(self, scheme: Scheme, strength: float) -> None:
        cover, stronger = photograph(LARGE), self.at(scheme, strength)
        for n in sizes(scheme, cover.shape):
            marked = stronger.embed(cover, payload(scheme, n), key=KEY)
            check_strength(scheme, cover, marked, strength)
            found = scheme.extract(marked, key=KEY)  # the reader is not told the strength
            assert found.detection.is_present(1e-9)
            assert error_rate(scheme, n, found) <= (0.0 if scheme.bit_exact and n <= MANY_BITS else 0.1)

    def test_what_is_read_has_the_stated_form(self, scheme: Scheme) -> None:
        for image in (photograph(SHAPE), scheme.embed(photograph(SHAPE), payload(scheme, 16), key=KEY)):
            found = scheme.extract(image, key=KEY)
            assert 0 <= found.detection.p_value <= 1
            assert np.isfinite(found.detection.score)
            if scheme.payload_kind == "picture":
                assert (found.payload.dtype, found.payload.ndim, found.llr) == (np.uint8, 3, None)
                continue
            assert found.payload.dtype == np.bool_
            assert found.llr is not None
            assert found.llr.dtype == np.float32
            assert found.llr.shape == found.payload.shape
            assert np.isfinite(found.llr).all()
            assert np.array_equal(found.llr > 0, found.payload)

    @pytest.mark.parametrize("dtype", PEAKS)
    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_same_kind_comes_back(self, scheme: Scheme, dtype: str, channels: int) -> None:
        cover = photograph(SHAPE[:2] if channels == 1 else (*SHAPE[:2], channels), dtype)
        before = cover.copy()
        if refused(scheme, cover):
            return
        marked = scheme.embed(cover, payload(scheme, 16), key=KEY)
        assert (marked.shape, marked.dtype) == (cover.shape, cover.dtype)
        assert type(marked) is np.ndarray
        assert marked.flags.writeable
        assert not np.shares_memory(marked, cover)
        assert np.array_equal(cover, before)
        check_strength(scheme, cover, marked, scheme.psnr)
        found = scheme.extract(marked, key=KEY)
        assert found.detection.is_present()
        assert error_rate(scheme, 16, found) <= (0.0 if scheme.bit_exact else 0.2)

    def test_views_are_marked_like_copies(self, scheme: Scheme) -> None:
        cover, bits = photograph(SHAPE), payload(scheme, 16)
        rolled = np.moveaxis(np.ascontiguousarray(np.moveaxis(cover, 2, 0)), 0, 2)
        wide = np.zeros((SHAPE[0] * 2, SHAPE[1] * 2, 3), np.uint8)
        wide[::2, 1::2] = cover
        for view in (cover[::-1, ::-1], cover[:, ::-1, ::-1], rolled, wide[::2, 1::2], np.asfortranarray(cover)):
            copy = np.array(view, order="C")
            marked = scheme.embed(view, bits, key=KEY)
            assert np.array_equal(view, copy)
            assert np.array_equal(marked, scheme.embed(copy, bits, key=KEY))
            one, other = (scheme.extract(form, key=KEY) for form in (marked, np.asfortranarray(marked)))
            assert same_reading(one, other)

    @pytest.mark.parametrize("shape", [(129, 131), (255, 257, 3), (67, 1201, 3), (401, 71, 4), (301, 1303, 3)])
    def test_odd_sizes(self, scheme: Scheme, shape: tuple[int, ...]) -> None:
        cover = photograph(shape)
        if not scheme.capacity(shape):
            assert scheme.payload_kind == "picture"  # a few bits have room in any of these
            return
        marked = scheme.embed(cover, payload(scheme, 4), key=KEY)
        check_strength(scheme, cover, marked, scheme.psnr)
        scheme.extract(marked, key=KEY)
        for dtype in ("float32", "uint16"):
            if not refused(scheme, photograph(shape, dtype)):
                assert scheme.embed(photograph(shape, dtype), payload(scheme, 4), key=KEY).shape == shape

    # Transparency.

    def test_transparent_pixels_are_untouched_and_unread(self, scheme: Scheme) -> None:
        for dtype in ("uint8", "float32", "uint16"):
            cover = photograph((*LARGE[:2], 4), dtype).copy()
            cover[100:300, 200:500, 3] = 0
            cover[400:450, :, 3] = PEAKS[dtype] // 3 if dtype != "float32" else 0.3
            if refused(scheme, cover):
                continue
            marked = scheme.embed(cover, payload(scheme, 16), key=KEY)
            clear = cover[..., 3] == 0
            assert np.array_equal(marked[..., 3], cover[..., 3])
            assert np.array_equal(marked[clear], cover[clear])
            check_strength(scheme, cover, marked, scheme.psnr)
            found = scheme.extract(marked, key=KEY)
            assert found.detection.is_present()
            assert error_rate(scheme, 16, found) <= (0.0 if scheme.bit_exact else 0.2)
            marked[clear, :3] = 0  # as any programme may do on saving
            assert np.array_equal(scheme.extract(marked, key=KEY).payload, found.payload)

    # Keys and verdicts.

    def test_wrong_key_and_unmarked(self, scheme: Scheme) -> None:
        cover = photograph(LARGE)
        marked = scheme.embed(cover, payload(scheme, 16), key=KEY)
        assert scheme.extract(marked, key=KEY).detection.is_present()
        assert not scheme.extract(cover, key=KEY).detection.is_present(1e-4)
        if scheme.keyed:
            assert not scheme.extract(marked, key=OTHER).detection.is_present(1e-4)
            assert not np.array_equal(marked, scheme.embed(cover, payload(scheme, 16), key=OTHER))
            repeated = scheme.embed(marked, payload(scheme, 16), key=OTHER)
            assert scheme.extract(repeated, key=OTHER).detection.is_present()
            # Two owners' marks live side by side, but a whole picture leaves no room, and what restores is changed.
            if scheme.payload_kind == "bits" and not isinstance(scheme, RestoringScheme):
                assert scheme.extract(repeated, key=KEY).detection.is_present()

    @pytest.mark.parametrize("name", odd_pictures((8, 8)))
    def test_odd_pictures(self, scheme: Scheme, name: str) -> None:
        cover = odd_pictures(SHAPE[:2])[name]
        assert not scheme.extract(cover, key=KEY).detection.is_present(1e-4)
        for strength in (38.0, 46.0):
            try:
                marked = self.at(scheme, strength).embed(cover, payload(scheme, 16), key=KEY)
            except CapacityError:
                assert isinstance(scheme, RestoringScheme)
                assert name in ("noise", "stripes")  # no redundancy, or none among neighbours
                continue
            check_strength(scheme, cover, marked, strength)
            found = scheme.extract(marked, key=KEY)
            if name in ("black", "white", "grey", "nearly black", "red", "dark"):  # nothing there to hide the mark
                assert found.detection.is_present()
                assert error_rate(scheme, 16, found) <= (0.0 if scheme.bit_exact else 0.2)

    # Limits.

    @pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1, 3), (7, 7), (31, 8, 4), (2, 2)])
    def test_tiny_pictures(self, scheme: Scheme, shape: tuple[int, ...]) -> None:
        for cover in (photograph(shape), np.zeros(shape, np.float32)):
            capacity = scheme.capacity(shape)
            for n in (0, capacity + 1) if scheme.payload_kind == "bits" else (1,):
                with pytest.raises(CapacityError, match=THREE_PARTS):
                    scheme.embed(cover, payload(scheme, n), key=KEY)
            found = scheme.extract(cover, key=KEY)
            assert not found.detection.is_present(1e-4)

    def test_too_much(self, scheme: Scheme) -> None:
        if scheme.payload_kind == "picture":  # any picture is brought to the size that is carried
            assert scheme.embed(photograph(SHAPE), photograph(LARGE), key=KEY).shape == SHAPE
            return
        with pytest.raises(CapacityError, match=THREE_PARTS):
            scheme.embed(photograph(SHAPE), payload(scheme, scheme.capacity(SHAPE) + 1), key=KEY)

    @pytest.mark.parametrize(
        ("tile", "times"), [((16, 1000, 3), (1, 100, 1)), ((1000, 33), (100, 1)), ((250, 400, 3), (12, 10, 1))]
    )
    def test_bounded_time_and_memory(self, scheme: Scheme, tile: tuple[int, ...], times: tuple[int, ...]) -> None:
        cover = np.tile(photograph(tile), times)
        if not scheme.capacity(cover.shape):
            return
        tracemalloc.start()
        start = time.process_time()
        marked = scheme.embed(cover, payload(scheme, 1), key=KEY)
        found = scheme.extract(marked, key=KEY)
        seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found.detection.is_present()
        assert seconds < 10
        planes = 4 * math.prod(working_shape(cover.shape))
        assert peak - marked.nbytes < cover.nbytes / 2 + 2**26 + planes

    @pytest.mark.parametrize("fault", [np.nan, 1.5, -0.1])
    def test_pictures_that_are_none(self, scheme: Scheme, fault: float) -> None:
        cover = photograph(SHAPE, "float32").copy()
        cover[17, 5, 1] = fault
        with pytest.raises(UnsupportedImageError):
            scheme.embed(cover, payload(scheme, 4), key=KEY)
        with pytest.raises(UnsupportedImageError):
            scheme.extract(cover, key=KEY)

    @settings(max_examples=15, deadline=None)
    @given(st.tuples(st.integers(1, 90), st.integers(1, 90)), st.integers(0, 2**32 - 1))
    def test_reading_never_fails(self, scheme_id: str, shape: tuple[int, int], seed: int) -> None:
        rng = np.random.default_rng(seed)
        image = rng.integers(0, int(rng.integers(1, 257)), (*shape, int(rng.choice([3, 4])))).astype(np.uint8)
        found = get_scheme(scheme_id).extract(image, key=KEY)
        assert 0 <= found.detection.p_value <= 1
        assert not found.detection.is_present(1e-7)

    # The same everywhere.

    def test_threads_and_repetition_change_no_byte(self, scheme: Scheme) -> None:
        cover, bits = photograph((700, 1300, 3)), payload(scheme, 16)
        with threads(1):
            expected = scheme.embed(cover, bits, key=KEY)
            read = scheme.extract(expected, key=KEY)
        with threads(2):
            assert np.array_equal(scheme.embed(cover, bits, key=KEY), expected)
            again = scheme.extract(expected, key=KEY)
            assert same_reading(again, read)
            assert again.detection == read.detection

    def test_eight_callers_at_once(self, scheme: Scheme) -> None:
        cover = photograph(SHAPE)
        keys = [Key(bytes([i]) * 16) for i in range(8)]
        expected = [fingerprint(scheme.embed(cover, payload(scheme, 16), key=key)) for key in keys]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda key: fingerprint(scheme.embed(cover, payload(scheme, 16), key=key)), keys))
        assert found == expected
        assert len(set(found)) == (8 if scheme.keyed else 1)

    def test_another_process_marks_alike(self, scheme: Scheme) -> None:
        marked = scheme.embed(photograph(SHAPE), payload(scheme, 16), key=KEY)
        assert fingerprint(marked) == hash_of_another_process(scheme.id)
