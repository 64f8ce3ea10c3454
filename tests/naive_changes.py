"""What the kernels of ``changes`` do, in plain loops and Python's own whole numbers: the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

LEVELS, PARTS, LONGEST = 8, 8, 18
A_CONTEXT = 2 + LONGEST


class Coder:
    """A binary arithmetic coder with 32 bits, a cut in its interval for each bit."""

    def __init__(self) -> None:
        self.low, self.high, self.out = 0, 2**32 - 1, bytearray()
        self.odds: dict[int, int] = {}

    def put(self, bit: int, context: int) -> None:
        odds = self.odds.get(context, 32768)
        cut = self.low + (self.high - self.low) // 4096 * max(odds // 16, 1)
        if bit:
            self.high = cut
            self.odds[context] = odds + (65535 - odds) // 32
        else:
            self.low = cut + 1
            self.odds[context] = odds - odds // 32
        while self.low // 2**24 == self.high // 2**24:
            self.out.append(self.high // 2**24)
            self.low, self.high = self.low % 2**24 * 256, self.high % 2**24 * 256 + 255


def level(errors: dict[tuple[int, int], int], i: int, j: int, width: int) -> int:
    """Sum up the errors to the left, above, and beside that one, in eight steps."""

    def size(y: int, x: int) -> int:
        return abs(errors.get((y, x), 0)) if 0 <= x < width else 0

    near = 2 * size(i, j - 1) + 2 * size(i - 1, j) + size(i - 1, j - 1) + size(i - 1, j + 1)
    return near if near < 5 else min(5 + (near - 5) // 4, LEVELS - 1)


def pack(planes: list[Array], taps: Array, weights: Array) -> bytes:
    """Code planes one after the other; the first is predicted from itself, the others are expected to be like it."""
    coder = Coder()
    for number, plane in enumerate(planes):
        errors: dict[tuple[int, int], int] = {}
        for i in range(plane.shape[0]):
            for j in range(plane.shape[1]):
                total = 4096 * int(planes[0][i, j]) if number else 0
                for (y, x), weight in zip(taps, weights, strict=True):
                    if number == 0 and i - y >= 0 and 0 <= j - x < plane.shape[1]:
                        total += int(weight) * int(plane[i - y, j - x])
                sixteenths = (total + (0 if number else 128)) // 256 + 8
                error = int(plane[i, j]) - sixteenths // 16
                errors[i, j] = error
                at = (level(errors, i, j, plane.shape[1]) * PARTS + sixteenths % 16 // 2) * A_CONTEXT
                code(coder, error, at)
    return bytes(coder.out)


def code(coder: Coder, error: int, at: int) -> None:
    """Say whether there is an error, its sign, then its size one by one; what is very large in 16 bits."""
    coder.put(int(error != 0), at)
    if not error:
        return
    coder.put(int(error < 0), at + 1)
    for k in range(min(abs(error) - 1, LONGEST)):
        coder.put(1, at + 2 + k)
    if abs(error) - 1 < LONGEST:
        coder.put(0, at + 1 + abs(error))
        return
    for k in range(16):
        coder.put((abs(error) - 1) // 2**k % 2, LEVELS * PARTS * A_CONTEXT + k)
