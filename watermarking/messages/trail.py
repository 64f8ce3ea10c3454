"""What was tried on a picture, in words: how it was seen, with which schemes, what they found, how long it took."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from watermarking.steps import LOG, Steps

if TYPE_CHECKING:
    from watermarking.interface import Scheme
    from watermarking.messages.carrier import Attempt

__all__ = ["Trail"]

_WORTH_A_LINE: Final = 0.001  # seconds


@dataclass
class _Sight:
    """One way to see a picture: what each scheme made of it."""

    seconds: float = 0.0
    verdicts: list[tuple[float, str]] = field(default_factory=list)


class Trail:
    """Notes what is tried while a picture is read; says it at the end, a line for each way in which it was seen."""

    def __init__(self) -> None:
        self._steps = Steps()
        self._sights: dict[str, _Sight] = {}

    def tried(self, scheme: Scheme, attempt: Attempt, p_value: float) -> None:
        """Note an attempt, and what came of it: the search for it counts with it."""
        if not self._steps.heard:
            return
        sight = self._sights.setdefault(_how_seen(attempt), _Sight())
        sight.seconds += self._steps.lap()
        sight.verdicts.append((p_value, scheme.id))

    def end(self, outcome: str) -> None:
        """Say all of it, and what came of it."""
        if not self._steps.heard:
            return
        rest, total = self._steps.lap(), 0.0
        for how, sight in self._sights.items():
            p_value, best = min(sight.verdicts)
            n = len(sight.verdicts)
            LOG.debug("%s: %d tried, least p = %.2g (%s): %.3f s", how, n, p_value, best, sight.seconds)
            total += sight.seconds
        n_tried = sum(len(sight.verdicts) for sight in self._sights.values())
        if rest > _WORTH_A_LINE:
            LOG.debug("looked for more places: %.3f s", rest)
        LOG.debug("%s; %d tried in all: %.3f s", outcome, n_tried, total + rest)


def _how_seen(attempt: Attempt) -> str:
    if attempt.geometry is None:
        return "as it lies"
    from watermarking.messages.records import geometry_words

    words = ", ".join(geometry_words(attempt.geometry, fine=False)) or "cut, moved or scaled"
    if attempt.outline is None:
        return f"seen as {words}" if words == "a negative" else f"put back into place, {words}"
    top, left, rows, cols = attempt.outline
    return f"as a part, {rows}x{cols} at row {top}, column {left}, {words}"
