"""The textbook's list decoder for polar codes: every path keeps its own bits, every soft value is computed anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def encode(bits: Sequence[int]) -> list[int]:
    """Multiply by the polar transform, in natural order."""
    if len(bits) == 1:
        return list(bits)
    left, right = encode(bits[: len(bits) // 2]), encode(bits[len(bits) // 2 :])
    return [a ^ b for a, b in zip(left, right, strict=True)] + right


def next_soft(channel: Sequence[float], decided: Sequence[int]) -> float:
    """Return the min-sum soft value, positive for a zero, of the input that follows those decided."""
    if len(channel) == 1:
        return channel[0]
    half = len(channel) // 2
    pairs = list(zip(channel[:half], channel[half:], strict=True))
    if len(decided) < half:
        check = [min(abs(a), abs(b)) * (1 if (a < 0) == (b < 0) else -1) for a, b in pairs]
        return next_soft(check, decided)
    left = encode(decided[:half])
    variable = [b - a if bit else b + a for (a, b), bit in zip(pairs, left, strict=True)]
    return next_soft(variable, decided[half:])


def decode_list(
    channel: Sequence[float], information: Collection[int], list_size: int
) -> list[tuple[list[int], float]]:
    """Return information bits and cost of each path, cheapest first.

    Ways on at equal cost: the likelier bit of any path before the less likely one of any, then earlier paths first; a
    soft value of zero counts for the bit 0.
    """
    paths: list[tuple[list[int], float]] = [([], 0.0)]
    for place in range(len(channel)):
        soft = [next_soft(channel, bits) for bits, _ in paths]
        likely = [([*bits, int(a < 0)], cost) for (bits, cost), a in zip(paths, soft, strict=True)]
        unlikely = [([*bits, int(a >= 0)], cost + abs(a)) for (bits, cost), a in zip(paths, soft, strict=True)]
        if place in information:
            paths = sorted(likely + unlikely, key=lambda path: path[1])[:list_size]
        else:
            paths = [one if one[0][-1] == 0 else other for one, other in zip(likely, unlikely, strict=True)]
    ordered = sorted(paths, key=lambda path: path[1])
    return [([bits[place] for place in sorted(information)], cost) for bits, cost in ordered]
