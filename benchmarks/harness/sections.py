"""What the report says: rows turned into tables and plots, each with the command that measures it."""

from __future__ import annotations

import dataclasses
import itertools
import re
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness import plots
from harness.cells import DONE
from harness.fidelity import METRICS, VISIBILITY, worst
from harness.frontier import payloads
from harness.tables import Share, attack_label, family_of, scheme_label, shares
from watermarking.attacks import parse_attack
from watermarking.attacks.chains import Chain
from watermarking.errors import UnknownAttackError
from watermarking.messages.marker import CLASSICAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.cells import Row

__all__ = ["HeatMap", "Section", "sections_of"]

_USUAL = {"psnr": 42.0, "bytes": 8}
_FAMILIES = ("none", "formats", "values", "noise", "filters", "occlusion", "geometry", "chain", "security")


@dataclass
class HeatMap:
    """A table of shares: rows are attacks in their families, columns are schemes."""

    title: str
    columns: list[str]
    groups: dict[str, list[tuple[str, list[Share | None]]]]


@dataclass
class Section:
    """A part of the page."""

    title: str
    text: str
    command: str
    heat_maps: list[HeatMap] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)
    tables: list[tuple[str, list[str], list[list[object]]]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows for it yet."""
        return not (self.heat_maps or self.figures or self.tables)


def sections_of(rows: list[Row]) -> list[Section]:
    """Build all sections; those without rows say what would measure them."""
    reads = [row for row in rows if "attack" in row and "bytes" in row and "part" not in row]
    own = [row for row in reads if not str(row["scheme"]).startswith("peer:")]
    return [_robustness(own), _strengths(own), _capacity(own), _compared(reads), _quality(rows)]


def _robustness(rows: list[Row]) -> Section:
    text = (
        "Share of marked pictures whose exact message came back, in percent; point at a share for its 95 % Wilson "
        "interval and the number of reads. Impossible combinations (a message that does not fit) are left out of a "
        "share and marked *."
    )
    section = Section("Schemes against attacks", text, "python benchmarks/robustness.py  # and --grid geometry")
    for psnr, n_bytes in sorted({(row["psnr"], row["bytes"]) for row in rows}, key=_usual_first):
        mine = [row for row in rows if (row["psnr"], row["bytes"]) == (psnr, n_bytes)]
        if len({row["attack"] for row in mine}) >= 10:
            section.heat_maps.append(heat_map(f"{psnr:g} dB, {n_bytes} bytes", mine))
    return section


def heat_map(title: str, rows: list[Row]) -> HeatMap:
    """Count shares by scheme and attack, attacks in their families."""
    columns = _schemes_of(rows)
    counted = shares(rows, lambda row: (scheme_label(row["scheme"]), row["attack"]))
    groups: dict[str, list[tuple[str, list[Share | None]]]] = {}
    attacks = sorted(dict.fromkeys(row["attack"] for row in rows), key=_order)
    for attack in attacks:
        line = (attack_label(attack), [counted.get((column, attack)) for column in columns])
        groups.setdefault(family_of(attack), []).append(line)
    return HeatMap(title, columns, groups)


def _strengths(rows: list[Row]) -> Section:
    text = "The same shares at 42 dB and 8 bytes, drawn against the strength of one attack; bands are 95 % intervals."
    section = Section("Success against strength", text, "python benchmarks/rank.py")
    usual = [row for row in rows if all(row[name] == value for name, value in _USUAL.items())]
    panels: dict[str, dict[str, list[tuple[float, float, float, float]]]] = defaultdict(lambda: defaultdict(list))
    for (scheme, attack), share in shares(usual, lambda row: (scheme_label(row["scheme"]), row["attack"])).items():
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
        "photographs, against the PSNR of the marked picture."
    )
    section = Section("Capacity", text, "python benchmarks/capacity.py")
    panels: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    sizes: dict[tuple[str, float, str], set[int]] = defaultdict(set)
    for row in rows:
        sizes[scheme_label(row["scheme"]), row["psnr"], row["attack"]].add(row["bytes"])
    for which, bits in payloads(rows).items():
        if len(sizes[which]) >= 4:  # a sweep over lengths, not a table at one
            panels[attack_label(which[2])][which[0]].append((which[1], statistics.median(bits.values())))
    if panels:
        sorted_panels = {title: {name: sorted(p) for name, p in lines.items()} for title, lines in panels.items()}
        section.figures["capacity"] = plots.frontiers(sorted_panels)
    return section


def _compared(rows: list[Row]) -> Section:
    text = (
        "Other packages on the same photographs with the same message, each at 42 dB where it can reach that and at "
        "its own strength where it cannot. Their readers are told the message's length and the strength; ours only "
        "the key."
    )
    section = Section("Beside other packages", text, "make peers && python benchmarks/compare.py")
    same = ("photograph", "key", "psnr", "bytes", "attack", "seed")
    theirs = {tuple(row[name] for name in same) for row in rows if str(row["scheme"]).startswith("peer:")}
    mine = [row for row in rows if tuple(row[name] for name in same) in theirs and row["scheme"] != "additive_block"]
    for n_bytes in sorted({row["bytes"] for row in mine}):
        section.heat_maps.append(heat_map(f"{n_bytes} bytes", [row for row in mine if row["bytes"] == n_bytes]))
    return section


def _quality(rows: list[Row]) -> Section:
    section = Section(
        "What marking costs",
        "Means over the photographs; after a stroke the worst one. At equal PSNR the others tell where the change is "
        "hidden. SSIMULACRA2: 90 if no difference is seen, 70 for high quality; Butteraugli: below 1 if hardly any is.",
        "python benchmarks/quality.py",
    )  # fmt: skip
    mine = [row for row in rows if row.get("part") == "quality" and row["status"] == DONE]
    metrics = [name for name in METRICS if any(name in row for row in mine)]
    lines: list[list[object]] = []
    for scheme, psnr in itertools.product(_schemes_of(mine), sorted({row["psnr"] for row in mine})):
        chosen = [row for row in mine if (scheme_label(row["scheme"]), row["psnr"]) == (scheme, psnr)]
        if not chosen:
            continue
        lines.append([scheme, f"{psnr:g} dB", *(_mean_and_worst(name, chosen) for name in metrics)])
    if lines:
        section.tables.append(("", ["scheme", "asked for", *metrics], lines))
    return section


def _mean_and_worst(metric: str, rows: list[Row]) -> str:
    values = [row[metric] for row in rows if metric in row]  # rows of before a metric do not have it
    if not values:
        return ""
    mean = f"{statistics.fmean(values):.4g}"
    return f"{mean} / {worst(metric, values):.4g}" if metric in VISIBILITY else mean


def _usual_first(which: tuple[float, int]) -> tuple[bool, float, int]:
    return which != (_USUAL["psnr"], _USUAL["bytes"]), which[0], which[1]


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
