"""The longest message that a photograph carries through an attack."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from harness.cells import strength_of
from harness.tables import scheme_label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.cells import Row

    Strength = tuple[str, bool, Any]

__all__ = ["payloads"]


def payloads(rows: Iterable[Row]) -> dict[tuple[str, Strength, str], dict[str, int]]:
    """Return, for each (scheme, strength, attack), the payload of every photograph in bits.

    That is the longest message that came back with every key and no shorter one of which failed; 0 if none did. A
    message that does not fit has failed.
    """
    outcomes: dict[tuple[str, Strength, str], dict[str, dict[int, bool]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        lengths = outcomes[scheme_label(row["scheme"]), strength_of(row), row["attack"]][row["photograph"]]
        lengths[row["bytes"]] = lengths.get(row["bytes"], True) and bool(row.get("read"))
    return {
        which: {name: _longest(lengths) for name, lengths in photographs.items()}
        for which, photographs in outcomes.items()
    }


def _longest(lengths: dict[int, Any]) -> int:
    longest = 0
    for n_bytes in sorted(lengths):
        if not lengths[n_bytes]:
            break
        longest = n_bytes
    return 8 * longest
