"""The fountain: the field's laws, and data from any symbols that determine them."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.codes.fountain import coefficients, combine, solve
from watermarking.keys import Key

KEY = Key(bytes(range(16)))
ALL = np.arange(256, dtype=np.uint8)


def slow_product(a: int, b: int) -> int:
    """Multiply polynomials over GF(2) modulo x^8 + x^4 + x^3 + x^2 + 1, a bit at a time."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11D << (bit - 8)
    return product


@pytest.mark.parametrize("factor", [0, 1, 2, 3, 29, 128, 255])
def test_products_are_those_of_polynomials(factor: int) -> None:
    assert combine(np.array([factor], np.uint8), ALL[None]).tolist() == [slow_product(factor, b) for b in range(256)]


@pytest.mark.parametrize(("k", "d"), [(1, 1), (2, 15), (69, 15), (255, 3)])
def test_any_symbols_that_determine_the_blocks_give_them_back(k: int, d: int) -> None:
    rng = np.random.default_rng(k)
    blocks = rng.integers(0, 256, (k, d), dtype=np.uint8)
    numbers = rng.permutation(1000)[: k + 3].tolist()
    factors = np.stack([coefficients(KEY, number, k) for number in numbers])
    symbols = np.stack([combine(row, blocks) for row in factors])
    solution = solve(factors, symbols)
    assert solution is not None
    assert solution.consistent
    np.testing.assert_array_equal(solution.blocks, blocks)


def test_too_few_or_dependent_symbols_determine_nothing() -> None:
    factors = np.array([[1, 2], [2, 4], [3, 6]], np.uint8)  # all of them multiples of the first
    assert solve(factors, combine(np.ones(1, np.uint8), np.ones((1, 3), np.uint8)).reshape(3, 1)) is None
    assert solve(factors[:1], np.ones((1, 1), np.uint8)) is None


def test_a_symbol_that_contradicts_the_others_is_noticed() -> None:
    blocks = np.arange(12, dtype=np.uint8).reshape(4, 3)
    factors = np.stack([coefficients(KEY, number, 4) for number in range(6)])
    symbols = np.stack([combine(row, blocks) for row in factors])
    symbols[5, 1] ^= 1
    solution = solve(factors, symbols)
    assert solution is not None
    assert not solution.consistent


def test_k_symbols_fail_about_once_in_two_hundred_and_fifty() -> None:
    """A random square matrix over GF(256) is singular with 1 / 256 + 1 / 256^2 + ..., about 0.0039."""
    failed = 0
    for trial in range(1500):
        factors = np.stack([coefficients(KEY, 3 * trial + row, 3) for row in range(3)])
        failed += solve(factors, np.zeros((3, 1), np.uint8)) is None
    assert 0 < failed < 16
