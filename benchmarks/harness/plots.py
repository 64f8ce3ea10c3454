"""Plots of the report: vector graphics that follow the page's light or dark colours, and files for elsewhere."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from watermarking.messages.marker import CLASSICAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Points = Sequence[tuple[float, float, float, float]]
    """(x, share, lower, upper)"""

__all__ = ["bars", "colour_of", "curves", "frontiers", "inline_svg", "rocs", "save", "times", "visibility", "write"]

_INK, _RULE = "#010203", "#040506"  # stand-ins that the page's own colours replace
_RULE_ON_WHITE = "#dcdfe3"
_COLOURS = (
    "#2f7ed8", "#e08214", "#159a74", "#a05cc0", "#d3543f", "#8a8a8a", "#b39b00", "#4db6c8", "#c2185b", "#795548",
    "#6b7f2a",
)  # fmt: skip
_LEGEND_WIDTH = 90  # characters that fit in a line of the legend
_MARKERS = "osD^vPX*"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "watermarking",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_known = list(CLASSICAL)


def colour_of(name: str) -> tuple[str, str]:
    """Return the colour and the marker of a scheme, the same in every plot of the page."""
    if name not in _known:
        _known.append(name)
    index = _known.index(name)
    return _COLOURS[index % len(_COLOURS)], _MARKERS[index % len(_MARKERS)]


def curves(panels: Mapping[str, Mapping[str, Points]]) -> Figure:
    """Draw success against strength: a panel an attack, a line a scheme, its interval as a band."""
    with mpl.rc_context(_STYLE):
        figure, axes = _panels(len(panels), sharey=True)
        for axis, (title, lines) in zip(axes, panels.items(), strict=False):
            for name, points in lines.items():
                colour, marker = colour_of(name)
                x, share, low, high = np.array(points).T
                axis.fill_between(x, 100 * low, 100 * high, color=colour, alpha=0.15, linewidth=0)
                axis.plot(x, 100 * share, color=colour, marker=marker, markersize=3.5, linewidth=1.4, label=name)
            axis.set(title=title, ylim=(-3, 103))
        axes[0].set_ylabel("messages back, %")
        return _with_legend(figure, axes)


def visibility(panels: Mapping[str, Mapping[str, Points]]) -> Figure:
    """Draw messages back against what shows: a panel a measure of it, a line a scheme, its intervals upright.

    Less shows to the right.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        axes = list(np.ravel(figure.subplots(1, max(len(panels), 1), squeeze=False, sharey=True)))
        for axis, (title, lines) in zip(axes, panels.items(), strict=False):
            for name, points in lines.items():
                colour, marker = colour_of(name)
                x, share, low, high = np.array(points).T
                axis.vlines(x, 100 * low, 100 * high, color=colour, alpha=0.45, linewidth=0.9)
                axis.plot(x, 100 * share, color=colour, marker=marker, markersize=4, linewidth=1.4, label=name)
            axis.set(xlabel=title, ylim=(-3, 103))
            if title != "SSIMULACRA2":
                axis.invert_xaxis()
        axes[0].set_ylabel("messages back, %")
        return _with_legend(figure, axes)


def frontiers(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], unit: str) -> Figure:
    """Draw payload against strength, of which less shows to the right: a panel an attack, a line a scheme."""
    with mpl.rc_context(_STYLE):
        figure, axes = _panels(len(panels), sharey=True)
        for axis, (title, lines) in zip(axes, panels.items(), strict=False):
            for name, points in lines.items():
                colour, marker = colour_of(name)
                x, bits = np.array(points).T
                axis.plot(
                    x, np.maximum(bits, 16), color=colour, marker=marker, markersize=3.5, linewidth=1.4, label=name
                )
            axis.set_yscale("log", base=2)
            axis.set(title=title, xlabel=unit)
            axis.set_yticks([16, 32, 128, 512, 2048, 4096], ["none", "32", "128", "512", "2048", "4096"], minor=False)
            axis.minorticks_off()
        axes[0].set_ylabel("payload, bits")
        return _with_legend(figure, axes)


def rocs(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> Figure:
    """Draw detection against the false-positive rate that p-values (reading, message known) grant.

    A panel an attack, a solid and a dotted line a scheme.
    """
    rates = np.logspace(-12, 0, 121)
    with mpl.rc_context(_STYLE):
        figure, axes = _panels(len(panels), sharey=True)
        for axis, (title, lines) in zip(axes, panels.items(), strict=False):
            for name, p_values in lines.items():
                colour = colour_of(name)[0]
                read, known = np.mean(np.asarray(p_values)[None] <= rates[:, None, None], axis=1).T
                axis.plot(rates, 100 * read, color=colour, linewidth=1.4, label=name)
                axis.plot(rates, 100 * known, color=colour, linewidth=1.2, linestyle=":")
            axis.set_xscale("log")
            axis.set(title=title, ylim=(-3, 103), xlim=(1e-12, 1), xticks=[1e-12, 1e-6, 1e-3, 1])
            axis.minorticks_off()
        axes[0].set_ylabel("found, %")
        return _with_legend(figure, axes)


def bars(groups: Mapping[str, Mapping[str, float]], unit: str) -> Figure:
    """Draw horizontal bars: a group an operation, a bar a scheme, a line at 1."""
    with mpl.rc_context(_STYLE):
        n_bars = sum(map(len, groups.values()))
        figure = Figure(figsize=(7.2, 0.8 + 0.17 * (n_bars + len(groups))), layout="constrained")
        axis = figure.subplots()
        middles, top = [], 0.0
        for group in groups.values():
            for index, (name, length) in enumerate(group.items()):
                drawn = axis.barh(top + index, length, 0.9, color=colour_of(name)[0], label=name)
                axis.bar_label(drawn, [f"{length:.2g}" if length < 100 else f"{length:.0f}"], padding=2, fontsize=7)
            middles.append(top + (len(group) - 1) / 2)
            top += len(group) + 1
        axis.axvline(1, color=_INK, linewidth=0.8)
        axis.set_yticks(middles, list(groups))
        axis.invert_yaxis()
        axis.grid(visible=False, axis="y")
        axis.set(xscale="log", xlabel=unit)
        return _with_legend(figure, [axis])


def times(lines: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Draw seconds against megapixels, both on logarithmic axes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axis = figure.subplots()
        for name, points in lines.items():
            colour, marker = colour_of(name)
            axis.loglog(*np.array(points).T, color=colour, marker=marker, markersize=3.5, linewidth=1.4, label=name)
        axis.set(xlabel="megapixels", ylabel="seconds")
        return _with_legend(figure, [axis])


def inline_svg(figure: Figure, label: str) -> str:
    """Return a figure as SVG for a page: its colours are the page's, it shrinks with it, and readers hear the label."""
    buffer = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "var(--ink)").replace(_RULE, "var(--rule)")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' width="[^"]*pt"', "", re.sub(r' height="[^"]*pt"', "", text, count=1), count=1)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text)  # needless inside HTML
    return text.replace("xlink:href", "href").replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG and SVG, black on white."""
    for suffix in ("svg", "png"):
        write(figure, folder / f"{name}.{suffix}")


def write(figure: Figure, path: Path) -> None:
    """Write a figure as the path's suffix says, black on white."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        for axis in figure.axes:
            axis.tick_params(grid_color=_RULE_ON_WHITE)
        figure.savefig(path, dpi=150, facecolor="white", metadata=metadata)
        for axis in figure.axes:
            axis.tick_params(grid_color=_RULE)


def _panels(n: int, **how: Any) -> tuple[Figure, list[Any]]:
    """Lay out n panels, three in a row; those left over are hidden."""
    across = min(n, 3)
    down = math.ceil(n / across)
    figure = Figure(figsize=(7.2, 0.5 + 1.9 * down), layout="constrained")
    axes = list(np.ravel(figure.subplots(down, across, squeeze=False, **how)))
    for axis in axes[n:]:
        axis.set_visible(False)
    return figure, axes


def _with_legend(figure: Figure, axes: Sequence[Any]) -> Figure:
    labelled = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    names = sorted(labelled, key=_known.index)
    columns = min(4, len(names), _LEGEND_WIDTH // (max(map(len, names), default=1) + 8))
    figure.legend([labelled[name] for name in names], names, loc="outside lower center", ncols=max(1, columns))
    return figure
