"""How many threads work, and that bands come back in order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from watermarking.threads import map_bands, n_threads, row_bands, threads


@pytest.fixture(autouse=True)
def without_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATERMARKING_THREADS", raising=False)


@pytest.mark.parametrize(
    ("n_rows", "band", "expected"),
    [(0, 4, []), (1, 4, [(0, 1)]), (8, 4, [(0, 4), (4, 8)]), (9, 4, [(0, 4), (4, 8), (8, 9)])],
)
def test_bands_cover_all_rows_once(n_rows: int, band: int, expected: list[tuple[int, int]]) -> None:
    assert row_bands(n_rows, band) == expected


def test_who_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = n_threads()
    assert cores >= 1
    monkeypatch.setenv("WATERMARKING_THREADS", "3")
    assert n_threads() == 3
    with threads(2):
        assert n_threads() == 2
        with threads(5):
            assert n_threads() == 5
        assert n_threads() == 2
        with ThreadPoolExecutor(1) as pool:  # another thread of the caller's has its own setting
            assert pool.submit(n_threads).result() == 3
    assert n_threads() == 3
    for nonsense in ("0", "-2", "many", ""):
        monkeypatch.setenv("WATERMARKING_THREADS", nonsense)
        assert n_threads() == cores


@pytest.mark.parametrize("n", [0, -1])
def test_no_threads_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="give 1 or more"), threads(n):
        pass


@pytest.mark.parametrize("n", [1, 2, 8])
def test_results_come_in_the_order_of_the_bands(n: int) -> None:
    with threads(n):
        assert map_bands(lambda band: band[0] * 10, row_bands(9, 2)) == [0, 20, 40, 60, 80]
        assert map_bands(lambda band: band, []) == []


def test_the_bands_really_run_at_once() -> None:
    barrier = threading.Barrier(3, timeout=10)
    with threads(3):
        map_bands(lambda _band: barrier.wait(), row_bands(3, 1))


def test_one_thread_is_the_callers() -> None:
    with threads(1):
        names = map_bands(lambda _band: threading.current_thread().name, row_bands(3, 1))
    assert set(names) == {threading.current_thread().name}


@pytest.mark.parametrize("n", [1, 4])
def test_a_failing_band_is_not_swallowed(n: int) -> None:
    def fail(band: tuple[int, int]) -> None:
        if band[0] == 3:
            raise MemoryError("no room")

    with threads(n), pytest.raises(MemoryError, match="no room"):
        map_bands(fail, row_bands(6, 1))
