"""How much is read of marks that show so much: the points of a curve, and who lies above whom."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.cells import IMPOSSIBLE, strength_label
from harness.marking import SEEN
from harness.tables import scheme_label, shares
from watermarking.messages.marker import DEFAULT_SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.cells import Row
    from harness.tables import Share

    Panels = dict[str, dict[str, list[tuple[float, float, float, float]]]]
    Table = tuple[str, list[str], list[list[object]]]

__all__ = [
    "AXES",
    "SURVIVES",
    "Claim",
    "Point",
    "claim_tables",
    "claims",
    "curve",
    "curve_table",
    "equally_visible",
    "points",
    "targets",
]

_STANDS = 0.9  # the share of pictures that a package must be able to mark at a score to be compared at it
_SAME = {"SSIMULACRA2": 0.5, "Butteraugli": 0.05}  # by what strengths that aim at one score may miss each other
SURVIVES = 0.05
"""A share of successes below this is luck, not survival."""
AXES = tuple(_SAME)
"""The measures of visibility that curves are drawn over; Butteraugli grows with what is seen."""


@dataclass(frozen=True)
class Point:
    """A scheme at one strength: what shows, on the mean over the pictures, and what is read after a list of attacks.

    ``refused`` pictures could not be marked so; the others are named in ``pictures``.
    """

    scheme: str
    is_peer: bool
    strength: str
    seen: dict[str, float]
    share: Share
    pictures: frozenset[Any]
    refused: int
    rows: tuple[Row, ...] = field(repr=False, compare=False)

    @property
    def stands(self) -> bool:
        """Whether nearly all pictures could be marked so."""
        return len(self.pictures) >= _STANDS * (len(self.pictures) + self.refused)

    @property
    def label(self) -> str:
        """The scheme and the score it left."""
        return f"{self.scheme} at {self.seen['SSIMULACRA2']:.1f}"

    def badness(self, axis: str) -> float:
        """Return how much shows, more for more."""
        return -self.seen[axis] if axis == "SSIMULACRA2" else self.seen[axis]


@dataclass(frozen=True)
class Claim:
    """A point of another package, and what a scheme of ours reads of the same pictures at the same or less visibility.

    ``ours`` is None where nothing of ours shows as little.
    """

    theirs: Point
    axis: str
    ours: Point | None
    share: float

    @property
    def verdict(self) -> str:
        """Who reads more."""
        rival = self.theirs.share.value
        if rival < SURVIVES:
            return "it reads nothing"
        if self.ours is None:
            return "nothing as unseen"
        return "ahead" if self.share > rival else "even" if self.share == rival else "BEHIND"


def points(rows: Iterable[Row]) -> list[Point]:
    """Return a point for each scheme and strength that met every attack of the rows, in their order.

    Rows are of one message size. A picture is refused if none of its rows says how it looks.
    """
    classes: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        classes[scheme_label(row["scheme"]), strength_label(row)].append(row)
    attacks = {row["attack"] for members in classes.values() for row in members}
    found = []
    for (scheme, strength), members in classes.items():
        if {row["attack"] for row in members} == attacks and (point := _point(scheme, strength, members)):
            found.append(point)
    return found


def targets(rows: Sequence[Row]) -> list[float]:
    """Return the scores that ours was marked at and other packages were tried at; all of ours if they have none."""
    tried: dict[bool, set[float]] = {False: set(), True: set()}
    for row in rows:
        if isinstance(row.get("fidelity"), float):
            tried[str(row["scheme"]).startswith("peer:")].add(row["fidelity"])
    return sorted(tried[False] & tried[True] or tried[False])


def equally_visible(found: Sequence[Point], target: float) -> list[Point]:
    """Return what is to be compared at a score: ours aiming at it, and each package at the nearest it can have.

    That is its most discreet strength that shows at least as much, among those at which it can mark nearly all
    pictures; if it has none, its most visible one.
    """
    ours = [point for point in found if not point.is_peer and point.strength == f"score {target:g}"]
    theirs: dict[str, list[Point]] = defaultdict(list)
    for point in found:
        if point.is_peer and point.stands:
            theirs[point.scheme].append(point)
    limit = target + _SAME["SSIMULACRA2"]
    for members in theirs.values():
        fit = [point for point in members if point.seen["SSIMULACRA2"] <= limit]
        best = max if fit else min
        ours.append(best(fit or members, key=lambda point: point.seen["SSIMULACRA2"]))
    return ours


def claims(found: Sequence[Point], scheme: str, axis: str) -> list[Claim]:
    """Hold a scheme against every point of other packages, at the same or less visibility by one of the axes.

    Ours is the share of the same pictures, and those that it refused to mark count as not read.
    """
    ours = [point for point in found if point.scheme == scheme]
    made = []
    for theirs in (point for point in found if point.is_peer):
        limit = theirs.badness(axis) + _SAME[axis]
        fit = [(share, point) for point in ours if point.badness(axis) <= limit
               and (share := _share_of(point, theirs.pictures)) is not None]  # fmt: skip
        share, best = max(fit, key=lambda pair: pair[0], default=(0.0, None))
        made.append(Claim(theirs, axis, best, share))
    return made


def curve(rows: list[Row]) -> Panels:
    """Return the points of the shortest message, which every package carries: a panel an axis, a line a scheme."""
    shortest = min((row["bytes"] for row in rows), default=0)
    found = points([row for row in rows if row["bytes"] == shortest])
    panels: Panels = {}
    for axis in AXES:
        lines = panels.setdefault(axis, {})
        for point in found:
            if point.share.trials:
                lines.setdefault(point.scheme, []).append((point.seen[axis], point.share.value, *point.share.interval))
    return {axis: {name: sorted(line) for name, line in lines.items()} for axis, lines in panels.items()}


def curve_table(found: list[Point]) -> tuple[list[str], list[list[object]]]:
    """Return heading and lines: a line a point of the curve."""
    heading = ["scheme", "strength", "SSIMULACRA2", "Butteraugli", "3-norm", "PSNR", "messages back", "refused"]
    lines: list[list[object]] = []
    for point in sorted(found, key=lambda point: (point.is_peer, point.scheme, -point.seen["SSIMULACRA2"])):
        score, far, near, noise = point.seen.values()
        shown = [f"{score:.1f}", f"{far:.2f}", f"{near:.2f}", f"{noise:.1f}"]
        lines.append([point.scheme, point.strength, *shown, point.share, point.refused or ""])
    return heading, lines


def claim_tables(found: list[Point], n_bytes: int) -> list[Table]:
    """Return by each axis whether the default scheme reads more than others at the same or less visibility."""
    tables: list[Table] = []
    for axis in AXES:
        made = claims(found, DEFAULT_SCHEME, axis)
        lines: list[list[object]] = [
            [
                claim.theirs.scheme, claim.theirs.strength, f"{claim.theirs.seen[axis]:.2f}",
                f"{100 * claim.theirs.share.value:.1f}", f"{claim.ours.seen[axis]:.2f}" if claim.ours else "",
                f"{100 * claim.share:.1f}" if claim.ours else "", claim.verdict,
            ]
            for claim in made
        ]  # fmt: skip
        if not lines:
            continue
        verdicts = [claim.verdict for claim in made]
        counts = ", ".join(f"{verdict}: {verdicts.count(verdict)}" for verdict in dict.fromkeys(verdicts))
        title = (
            f"{n_bytes} bytes, {DEFAULT_SCHEME} on the same pictures as each point of another package, at the same "
            f"{axis} or better ({counts})"
        )
        heading = ["package", "strength", axis, "back", f"{DEFAULT_SCHEME}, {axis}", "back", DEFAULT_SCHEME]
        tables.append((title, heading, lines))
    return tables


def _point(scheme: str, strength: str, rows: list[Row]) -> Point | None:
    pictures: dict[Any, dict[str, float]] = {}
    for row in rows:
        if SEEN[0] in row:
            pictures[_picture(row)] = {name: row[name] for name in SEEN}
    if not pictures:
        return None
    seen = {name: statistics.fmean(values[name] for values in pictures.values()) for name in SEEN}
    refused = len({_picture(row) for row in rows if row["status"] == IMPOSSIBLE} - pictures.keys())
    is_peer = str(rows[0]["scheme"]).startswith("peer:")
    share = next(iter(shares(rows, lambda _: None).values()))
    return Point(scheme, is_peer, strength, seen, share, frozenset(pictures), refused, tuple(rows))


def _share_of(point: Point, pictures: frozenset[Any]) -> float | None:
    """Return the share read of some pictures, None if not all were tried; one that was not marked is not read."""
    if not pictures <= {_picture(row) for row in point.rows}:
        return None
    possible = {row["attack"] for row in point.rows if row["status"] != IMPOSSIBLE}
    rows = [row for row in point.rows if _picture(row) in pictures]
    tried = [
        row for row in rows
        if row["status"] != IMPOSSIBLE or (_picture(row) not in point.pictures and row["attack"] in possible)
    ]  # fmt: skip
    return sum(bool(row.get("read")) for row in tried) / len(tried) if tried else None


def _picture(row: Row) -> Any:
    return row["photograph"], row["key"]
