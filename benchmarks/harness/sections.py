"""What the report says: rows turned into tables and plots, each with the command that measures it."""

from __future__ import annotations

import dataclasses
import itertools
import re
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness import plots
from harness.cells import DONE, strength_label, strength_of
from harness.fidelity import METRICS, VISIBILITY, worst
from harness.frontier import payloads
from harness.marking import SEEN
from harness.tables import Share, attack_label, family_of, scheme_label, shares
from harness.visibility import claim_tables, curve, curve_table, equally_visible, points, targets
from watermarking.attacks import parse_attack
from watermarking.attacks.chains import Chain
from watermarking.errors import UnknownAttackError
from watermarking.messages.fidelity import NORMAL
from watermarking.messages.marker import CLASSICAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.cells import Row

__all__ = ["HeatMap", "Section", "sections_of", "usual"]

_BYTES = 8
_FAMILIES = ("none", "formats", "values", "noise", "filters", "occlusion", "geometry", "chain", "security")


@dataclass
class HeatMap:
    """A table of shares: rows are attacks in their families, columns are schemes.

    ``pictures`` are names and data addresses of what it was measured on; what is ``folded`` opens on demand.
    """

    title: str
    columns: list[str]
    groups: dict[str, list[tuple[str, list[Share | None]]]]
    note: str = ""
    pictures: list[tuple[str, str]] = field(default_factory=list)
    folded: bool = False


@dataclass
class Section:
    """A part of the page."""

    title: str
    text: str
    command: str
    heat_maps: list[HeatMap] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)
    tables: list[tuple[str, list[str], list[list[object]]]] = field(default_factory=list)
    is_measured: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows for it yet; some that are too few to be drawn here are rows, too."""
        return not (self.is_measured or self.heat_maps or self.figures or self.tables)


def sections_of(rows: list[Row]) -> list[Section]:
    """Build all sections; those without rows say what would measure them."""
    reads = [row for row in rows if "attack" in row and "bytes" in row and "part" not in row]
    own = [row for row in reads if not str(row["scheme"]).startswith("peer:")]
    return [_robustness(own), _strengths(own), _capacity(own), _compared(reads), _quality(rows)]


def _robustness(rows: list[Row]) -> Section:
    text = (
        "Share of marked pictures whose exact message came back, in percent; point at a share for its 95 % interval, "
        "which knows that reads of one photograph are alike, and the number of reads. Impossible combinations (a "
        "message that does not fit) are left out of a share and marked *."
    )
    section = Section("Schemes against attacks", text, "python benchmarks/robustness.py  # and --grid geometry")
    for strength, n_bytes in sorted({(strength_of(row), row["bytes"]) for row in rows}, key=_usual_first):
        mine = [row for row in rows if (strength_of(row), row["bytes"]) == (strength, n_bytes)]
        if len({row["attack"] for row in mine}) >= 10 and n_bytes >= _BYTES:  # shorter ones stand beside other packages
            strength_said = strength_label(mine[0]).replace("score", "SSIMULACRA2")
            section.heat_maps.append(heat_map(f"{strength_said}, {n_bytes} bytes", by_scheme(mine)))
    if rows and not section.heat_maps:
        section.is_measured = True
        section.text += " Only grids of fewer than ten attacks are stored: they stand below, grid by grid."
    return section


def by_scheme(rows: list[Row]) -> dict[str, list[Row]]:
    """Put the rows of each scheme together."""
    return {scheme: [row for row in rows if scheme_label(row["scheme"]) == scheme] for scheme in _schemes_of(rows)}


def heat_map(title: str, columns: dict[str, list[Row]]) -> HeatMap:
    """Count shares by column and attack, attacks in their families."""
    counted = {name: shares(rows, lambda row: row["attack"]) for name, rows in columns.items()}
    groups: dict[str, list[tuple[str, list[Share | None]]]] = {}
    attacks = sorted(dict.fromkeys(row["attack"] for rows in columns.values() for row in rows), key=_order)
    for attack in attacks:
        line = (attack_label(attack), [counts.get(attack) for counts in counted.values()])
        groups.setdefault(family_of(attack), []).append(line)
    return HeatMap(title, list(columns), groups)


def usual(rows: list[Row]) -> list[Row]:
    """Choose the rows of 8 bytes at the default fidelity, or at 42 dB where nothing was measured at it yet."""
    mine = [row for row in rows if row.get("bytes") == _BYTES]
    return [row for row in mine if row.get("fidelity") == NORMAL] or [row for row in mine if row.get("psnr") == 42.0]


def _strengths(rows: list[Row]) -> Section:
    text = (
        "The same shares at the default fidelity and 8 bytes, drawn against the strength of one attack; bands are 95 % "
        "intervals."
    )
    section = Section("Success against strength", text, "python benchmarks/rank.py")
    panels: dict[str, dict[str, list[tuple[float, float, float, float]]]] = defaultdict(lambda: defaultdict(list))
    for (scheme, attack), share in shares(
        usual(rows), lambda row: (scheme_label(row["scheme"]), row["attack"])
    ).items():
        which = _strength(attack)
        if which and share.trials:
            panels[which[0]][scheme].append((which[1], share.value, *share.interval))
    drawn = {
        title: {name: sorted(points) for name, points in lines.items()}
        for title, lines in panels.items() if max(len(points) for points in lines.values()) >= 3
    }  # fmt: skip
    if drawn:
        section.figures["success against strength"] = plots.curves(drawn)
    return section


def _strength(text: str) -> tuple[str, float] | None:
    """Return what to call the strength of an attack, and its value; None for chains and attacks without a number."""
    try:
        attack = parse_attack(text)
    except UnknownAttackError:
        return None
    names = list(vars(attack))
    if isinstance(attack, Chain) or not names or "low" not in dataclasses.fields(attack)[0].metadata:
        return None
    if any(getattr(attack, name) != getattr(type(attack)(), name) for name in names[1:]):
        return None
    return f"{attack.id}, {names[0]}", float(getattr(attack, names[0]))


def _capacity(rows: list[Row]) -> Section:
    text = (
        "The longest message that comes back with every key, all shorter ones included: its median over the "
        "photographs, against how little shows in the marked picture."
    )
    section = Section("Capacity", text, "python benchmarks/capacity.py")
    panels: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    sizes: dict[tuple[str, tuple[str, bool, Any], str], set[int]] = defaultdict(set)
    for row in rows:
        sizes[scheme_label(row["scheme"]), strength_of(row), row["attack"]].add(row["bytes"])
    swept = {which for which, lengths in sizes.items() if len(lengths) >= 4}  # a sweep over lengths, not a table at one
    axis = min((strength[0] for _, strength, _ in swept), default="")  # fidelities where there are any
    for which, bits in payloads(rows).items():
        if which in swept and which[1][0] == axis:
            panels[attack_label(which[2])][which[0]].append((which[1][2], statistics.median(bits.values())))
    if panels:
        sorted_panels = {title: {name: sorted(p) for name, p in lines.items()} for title, lines in panels.items()}
        unit = "SSIMULACRA2" if axis == "fidelity" else "PSNR, dB"
        section.figures["capacity"] = plots.frontiers(sorted_panels, unit)
    return section


def _compared(rows: list[Row]) -> Section:
    text = (
        "Other packages on the same photographs with the same message, marked so that they show as much as ours do by "
        "SSIMULACRA2, or at the most discreet strength they have that shows more; the score left stands behind each "
        "name. Their readers are told the message's length and the strength; ours only the key. The plot: messages "
        "back over all attacks, against what shows, less of it to the right."
    )
    section = Section("Beside other packages", text, "make peers && python benchmarks/compare.py")
    same = ("photograph", "key", "bytes", "attack", "seed")
    judged = [row for row in rows if "fidelity" in row or SEEN[0] in row]  # others are older than these measures
    seen = [row for row in judged if row["scheme"] != "additive_block" and "search" not in row]
    theirs = {tuple(row[name] for name in same) for row in seen if str(row["scheme"]).startswith("peer:")}
    mine = [row for row in seen if tuple(row[name] for name in same) in theirs]
    for n_bytes in sorted({row["bytes"] for row in mine}):
        chosen = [row for row in mine if row["bytes"] == n_bytes]
        found = points(chosen)
        for target in targets(chosen):
            columns = {point.label: list(point.rows) for point in equally_visible(found, target)}
            section.heat_maps.append(heat_map(f"{n_bytes} bytes, SSIMULACRA2 {target:g}", columns))
        section.tables.append((f"{n_bytes} bytes, all attacks", *curve_table(found)))
        section.tables.extend(claim_tables(found, n_bytes))
    if mine:
        section.figures["visibility"] = plots.visibility(curve(mine))
    return section


def _quality(rows: list[Row]) -> Section:
    section = Section(
        "What marking costs",
        "Means over the photographs; after a stroke the worst one. At equal SSIMULACRA2 the others tell what another "
        "eye sees. SSIMULACRA2: 90 if no difference is seen, 70 for high quality; Butteraugli: below 1 if hardly any.",
        "python benchmarks/quality.py",
    )  # fmt: skip
    mine = [row for row in rows if row.get("part") == "quality" and row["status"] == DONE]
    metrics = [name for name in METRICS if any(name in row for row in mine)]
    lines: list[list[object]] = []
    for scheme, strength in itertools.product(_schemes_of(mine), sorted({strength_of(row) for row in mine})):
        chosen = [row for row in mine if (scheme_label(row["scheme"]), strength_of(row)) == (scheme, strength)]
        if not chosen:
            continue
        lines.append([scheme, strength_label(chosen[0]), *(_mean_and_worst(name, chosen) for name in metrics)])
    if lines:
        section.tables.append(("", ["scheme", "asked for", *metrics], lines))
    return section


def _mean_and_worst(metric: str, rows: list[Row]) -> str:
    values = [row[metric] for row in rows if metric in row]  # rows of before a metric do not have it
    if not values:
        return ""
    mean = f"{statistics.fmean(values):.4g}"
    return f"{mean} / {worst(metric, values):.4g}" if metric in VISIBILITY else mean


def _usual_first(which: tuple[tuple[str, bool, Any], int]) -> Any:
    return which != (("fidelity", False, NORMAL), _BYTES), which


def _order(attack: str) -> tuple[int, str, list[float], str]:
    """Sort by family, then by name, then by the numbers in the label."""
    family, label = family_of(attack), attack_label(attack)
    numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", label)]
    return _FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES), label.partition("(")[0], numbers, label


def _schemes_of(rows: list[Row]) -> list[str]:
    """List schemes: ours from the default one on, then third parties', then peers."""
    names = {scheme_label(row["scheme"]): str(row["scheme"]).startswith("peer:") for row in rows}
    place = {name: index for index, name in enumerate(CLASSICAL)}
    return sorted(names, key=lambda name: (names[name], place.get(name, len(place)), name))
