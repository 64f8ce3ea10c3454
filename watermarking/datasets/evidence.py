"""Pooled evidence: many pictures' soft values against the code words that one recipient's copies carry.

The statistic. A code word is XORed with a keyed mask, so its signs w are c m: c from the message, m the mask, which all
words of a size class and key share. Over pictures s with soft values u_s, the sum of <w_s, u_s> is <m, a> with
a = sum of c_s u_s, place by place: a sum of fixed numbers with independent random signs, whatever the pictures show
and however alike they are. Its score <m, a> / |a| is bounded by Bentkus and Dzindzalieta's theorem
(:mod:`watermarking.significance`). Nothing is assumed independent that shares a mask: a score never exceeds the square
root of the number of places. Words of other size classes and keys have masks of their own, and add to both.

What was chosen is counted. Which of their words stands for a picture, in which alignment, and which pictures count,
is decided by looking at the scores: a recipient with N words (a word a sample, say) and m of S pictures chosen has
C(S, m) N^m ways, and the bound is multiplied by them, and by the number of m tried. Where a recipient's copies all
carry one word, all pictures are also added up, in their most credible alignment and in all that were kept, which
chooses nothing.

What the p-value means. With the pictures fixed and the key random it bounds the chance of such a score: for pictures
without the key's mark that is proven. A recipient whose copies were not used, while others' were, is another matter:
the pictures depend on the mask, and what is random are the recipient's own code words, drawn by keyed hash from the
message: words of a linear code, 80 random bits or more, in place of independent signs. A code has few weights, and its
words agree by five and more standard deviations more often than signs do. So the words of whoever is named, and those
of any message that can be read in full, are taken out of the soft values before others are judged. What is left is
noise, against which words do keep to the bound: measured, not proven (benchmarks/tracing.py).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from watermarking.codes.framing import encode_all
from watermarking.interface import Detection
from watermarking.significance import any_of, log_rademacher, probability, rademacher_p_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watermarking.datasets.soft_reads import SoftPicture
    from watermarking.keys import Key

__all__ = ["Evidence", "Pool", "Words", "pooled_presence", "weigh"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Mask: TypeAlias = tuple[int, int]
"""Whose signs are shared: number of the key, bytes of the size class."""
Sums: TypeAlias = "dict[Mask, F64]"

_NAMED: Final = 1e-6
_SMALLEST: Final = 1e-300
_BLOCK: Final = 1 << 13  # words compared at once
_POOLED: Final = tuple(sorted({round(1.5**i) for i in range(13)}))  # 1 .. 130: how many pictures are chosen
STATISTIC: Final = "pooled code words"


@dataclass(frozen=True)
class Words:
    """The messages that copies carry under one key.

    Attributes
    ----------
    messages : list of bytes
    owners : (n,) int64, which recipient's copy carries each, counted from 0; no message twice
    """

    messages: list[bytes]
    owners: npt.NDArray[np.int64]


class _Match(NamedTuple):
    """The word that fits a picture best: score, whose mask it has, its signs (n,) int8, and in which alignment."""

    score: float
    mask: Mask
    signs: npt.NDArray[np.int8]
    row: int


class Evidence(NamedTuple):
    """What one key says: the words of all copies under it, and the pictures as it reads them."""

    words: Words
    pictures: list[SoftPicture]
    key: Key


def weigh(n: int, evidence: Sequence[Evidence]) -> list[Detection]:
    """Return the verdict on each of ``n`` recipients.

    Whoever is beyond doubt is named, the strongest first, and what their words explain is taken out of the soft values
    before the others are judged: code words of one code are not independent signs, and some are more alike than such
    would be.
    """
    named: dict[int, Detection] = {}
    while True:
        pool = Pool(n)
        for one in evidence:
            pool.add(one.words, one.pictures, one.key)
        verdicts = {owner: verdict for owner, verdict in enumerate(pool.verdicts()) if owner not in named}
        best = min(verdicts, key=lambda owner: verdicts[owner].p_value, default=None)
        if best is None or not verdicts[best].is_present(_NAMED):
            return [named.get(owner) or verdicts[owner] for owner in range(n)]
        named[best] = verdicts[best]
        left = pool.without(best)
        evidence = [one._replace(pictures=pictures) for one, pictures in zip(evidence, left, strict=True)]


@dataclass
class Pool:
    """Evidence for each of ``n`` recipients, added key by key.

    Examples
    --------
    >>> from watermarking import Key
    >>> from watermarking.codes.framing import encode
    >>> from watermarking.datasets.soft_reads import SoftPicture
    >>> key, names = Key(bytes(16)), [b"for ada", b"for bob"]
    >>> signs = np.where(encode(b"for bob", key=key), 1, -1).astype(np.float32)
    >>> seen = SoftPicture({signs.size: signs[None] / 32}, {signs.size: 9.0}, Detection(9.0, 1e-9, "pilot"))
    >>> pool = Pool(2)
    >>> pool.add(Words(names, np.arange(2)), [seen], key)
    >>> [verdict.p_value < 1e-9 for verdict in pool.verdicts()]
    [False, True]
    """

    n: int
    _matches: list[dict[int, _Match]] = field(init=False)
    _tried: list[Counter[int]] = field(init=False)
    _added: list[Sequence[SoftPicture]] = field(default_factory=list)
    _totals: F64 = field(init=False)
    _squares: F64 = field(init=False)
    _several: npt.NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        """Start without evidence."""
        self._matches = [{} for _ in range(self.n)]
        self._tried = [Counter() for _ in range(self.n)]
        self._totals, self._squares = np.zeros((self.n, 2)), np.zeros((self.n, 2))
        self._several = np.zeros(self.n, np.bool_)

    def add(self, words: Words, pictures: Sequence[SoftPicture], key: Key) -> None:
        """Compare the pictures, as the key reads them, with all words that copies carry under it.

        Each key is added once, and the pictures are the same ones in the same order.
        """
        key_number = len(self._added)
        self._added.append(pictures)
        for owner, count in enumerate(np.bincount(words.owners, minlength=self.n).tolist()):
            self._several[owner] |= count > 1
            if count:
                for place, picture in enumerate(pictures):
                    self._tried[owner][place] += count * max(map(len, picture.values.values()))
        order = np.argsort(words.owners, kind="stable")
        for start in range(0, order.size, _BLOCK):
            block = order[start : start + _BLOCK]
            for frame, places, bits in encode_all([words.messages[i] for i in block], key=key):
                signs = np.where(bits, np.float32(1), np.float32(-1))
                self._compare(signs, words.owners[block[places]], pictures, (key_number, frame.n_bytes))

    def verdicts(self) -> list[Detection]:
        """Return the verdict on each recipient, their number counted."""
        return [self._verdict(owner) for owner in range(self.n)]

    def without(self, owner: int) -> list[list[SoftPicture]]:
        """Return the pictures, key by key, without the words of a recipient that fit them best."""
        left = [list(pictures) for pictures in self._added]
        for place, match in self._matches[owner].items():
            left[match.mask[0]][place] = left[match.mask[0]][place].without(match.signs)
        return left

    def _compare(self, signs: F32, owners: npt.NDArray[np.int64], pictures: Sequence[SoftPicture], mask: Mask) -> None:
        firsts = np.flatnonzero(np.diff(owners, prepend=-1))
        stops = [*firsts[1:].tolist(), len(owners)]
        for place, picture in enumerate(pictures):
            values = picture.values[signs.shape[1]]
            scores = signs @ values.T  # (words, alignments)
            best = np.maximum.reduceat(scores.max(axis=1), firsts)
            for first, stop, top in zip(firsts.tolist(), stops, best.tolist(), strict=True):
                matches = self._matches[int(owners[first])]
                if place not in matches or top > matches[place].score:
                    word, row = divmod(int(scores[first:stop].argmax()), len(values))
                    matches[place] = _Match(top, mask, signs[first + word].astype(np.int8), row)
        self._add_all(signs, owners, pictures)

    def _add_all(self, signs: F32, owners: npt.NDArray[np.int64], pictures: Sequence[SoftPicture]) -> None:
        """Add up all pictures, in their most credible alignment and in all, for those whose copies carry one word.

        A word times the sum is the sum of its products, so that nothing is added owner by owner.
        """
        length = signs.shape[1]
        sums = np.zeros((2, length))
        for picture in pictures:
            weight = max(picture.pilots[length], 0.0) + 0.5
            sums += weight * np.stack([picture.values[length][0], picture.values[length].sum(axis=0)])
        alone = ~self._several[owners]
        self._totals[owners[alone]] += signs[alone] @ sums.T
        self._squares[owners[alone]] += np.square(sums).sum(axis=1)

    def _verdict(self, owner: int) -> Detection:
        ways = list(self._of_best(owner))
        if not self._several[owner]:
            scores = self._totals[owner] / np.sqrt(np.maximum(self._squares[owner], _SMALLEST))
            ways += [(score, log_rademacher(score)) for score in scores.tolist()]
        if not ways or not self._added[0]:
            return Detection(0.0, 1.0, STATISTIC)
        score, log_p = min(ways, key=lambda one: one[1])
        return Detection(score, probability(log_p + math.log(len(ways) * self.n)), STATISTIC)

    def _of_best(self, owner: int) -> Iterator[tuple[float, float]]:
        """Yield score and log p-value of the best pictures, fewer and more of them."""
        ranked = sorted(self._matches[owner].items(), key=lambda item: -item[1].score)
        sums: Sums = {}
        log_tried = 0.0
        for size, (place, match) in enumerate(ranked[: _POOLED[-1]], start=1):
            values = self._added[match.mask[0]][place].values[match.signs.size][match.row]
            sums[match.mask] = sums.get(match.mask, 0) + values.astype(np.float64) * match.signs
            log_tried += math.log(self._tried[owner][place])
            if size in _POOLED:
                score = _score(sums)
                yield score, log_rademacher(score) + log_tried + _log_choices(len(self._added[0]), size)


def pooled_presence(pictures: Sequence[SoftPicture]) -> Detection:
    """Say whether any of the pictures carries the key's mark, or all together do, whatever the message.

    Pilots' signs are keyed and the same in all pictures, so their parts are added pilot by pilot, as words are.
    """
    singles = [one.presence for one in pictures]
    best = min(singles, key=lambda one: one.p_value, default=Detection(0.0, 1.0, "pilot"))
    found = [Detection(best.score, any_of(best.p_value, max(1, len(singles))), "pilot")]
    lengths = {length for one in pictures for length in one.pilot_parts}
    for length in sorted(lengths):
        parts = [one.pilot_parts[length].astype(np.float64) for one in pictures if length in one.pilot_parts]
        score = _score({(0, length): np.sum(parts, axis=0)})
        found.append(Detection(score, any_of(rademacher_p_value(score), len(lengths)), "pooled pilots"))
    best = min(found, key=lambda one: one.p_value)
    return Detection(best.score, any_of(best.p_value, 2), best.statistic)


def _score(sums: Sums) -> float:
    """Return the sum over its root sum of squares, over the places of all masks."""
    norm = math.sqrt(sum(float(values @ values) for values in sums.values()))
    return sum(float(values.sum()) for values in sums.values()) / norm if norm > 0 else 0.0


def _log_choices(n: int, m: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(m + 1) - math.lgamma(n - m + 1)
