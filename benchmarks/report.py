"""One page with everything that was measured: no network, no scripts, light and dark, wide and narrow.

python benchmarks/report.py                            # writes benchmarks/results/report.html
python benchmarks/report.py -o page.html --plots plots # and every plot as PNG and SVG
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import detection
import rank
import security
import speed
from harness import plots
from harness.campaign import exit_status
from harness.cells import DONE, identity
from harness.samples import samples
from harness.sections import Section, sections_of, usual
from harness.store import RESULTS, ResultsError, cell_of, read_rows, read_runs
from harness.stored_grids import grid_section
from harness.tables import attack_label, scheme_label
from watermarking.errors import MissingExtraError
from watermarking.messages.marker import DEFAULT_SCHEME
from watermarking.registry import SCHEMES

if TYPE_CHECKING:
    from harness.cells import Row

TEMPLATES = Path(__file__).with_name("templates")


def main() -> None:
    """Read the rows, build the page, write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "report.html", metavar="FILE")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of result folders")
    parser.add_argument("--plots", type=Path, help="folder for the plots as PNG and SVG")
    options = parser.parse_args()
    rows, runs, places = everything(options.results)
    sections = [*sections_of(rows), grid_section(places)]
    sections += [_detection(rows), _security(rows), _speed(rows), _ranking(rows)]
    page = render(sections, runs, len(rows), third_parties(rows))
    _write(options.output, page)
    if options.plots:
        for section in sections:
            for name, figure in section.figures.items():
                plots.save(figure, options.plots, name.replace(" ", "-"))
    print(f"{options.output}: {len(rows)} rows, {len(page) / 1e6:.1f} MB")


def everything(folder: Path) -> tuple[list[Row], dict[str, dict[str, Any]], dict[Path, list[Row]]]:
    """Read the rows of all result folders, each cell once, what their runs stand for, and the rows of each folder."""
    places: dict[Path, list[Row]] = {}
    rows: dict[str, Row] = {}
    runs: dict[str, dict[str, Any]] = {}
    inside = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    for place in [folder, *inside]:  # a folder of results, or one of such folders
        places[place] = read_rows(place)
        rows.update((identity(cell_of(row)), row) for row in places[place])
        runs.update(read_runs(place))
    if not rows:
        raise ResultsError(f"there are no rows in {folder}: `make bench-small` measures some")
    used = {row["run"] for row in rows.values()}
    return list(rows.values()), {name: run for name, run in runs.items() if name in used}, places


def third_parties(rows: list[Row]) -> list[str]:
    """List the schemes of others that rows tell of and that can be loaded here."""
    ids = {str(row["scheme"]) for row in rows if isinstance(row.get("scheme"), str)}
    return sorted(one for one in ids & set(SCHEMES.ids()) if one not in SCHEMES.built_in)


def render(sections: list[Section], runs: dict[str, dict[str, Any]], n_rows: int, others: list[str]) -> str:
    """Fill the template."""
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("the report needs Jinja2: pip install 'watermarking[bench]'") from error
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["svg"] = plots.inline_svg
    pictures = samples(others)
    return environment.get_template("report.html").render(sections=sections, runs=runs, n_rows=n_rows, samples=pictures)


def _detection(rows: list[Row]) -> Section:
    text = (
        "False positives: pictures without a mark of the key they are read with; the count at a p-value must stay "
        "below the bound that chance alone exceeds once in a thousand. Redrawn keys: ten million sign patterns a "
        "picture. The plot: marked pictures found under heavy attack, against the false-positive rate that their "
        "p-value grants; solid by reading, dotted where the message to look for is known."
    )
    section = Section("False positives and detection", text, "python benchmarks/detection.py")
    null, redraws, presence = ([r for r in rows if r.get("part") == part] for part in ("null", "redraws", "presence"))
    panels: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in presence:
        if row["status"] == DONE:
            panels[attack_label(row["attack"])][scheme_label(row["scheme"])].append((row["read"], row["known"]))
    if panels:
        section.figures["found against false positives"] = plots.rocs(panels)
    section.tables.extend(table for table in detection.tables(null, redraws, presence) if table[2])
    return section


def _security(rows: list[Row]) -> Section:
    text = (
        "What adversaries achieve against the default scheme who hold several marked pictures, or the reader: shares "
        "in percent with 95 % intervals, PSNR in dB against the unmarked cover. Found, traced and accused mean a "
        "p-value of at most 1e-6. The script shows the other schemes."
    )
    section = Section("Adversaries", text, "python benchmarks/security.py")
    section.tables.extend(security.tables([row for row in rows if row.get("scheme") == DEFAULT_SCHEME]))
    return section


def _speed(rows: list[Row]) -> Section:
    text = (
        "Medians of turns in one process; ratios are to OpenCV decoding the same picture from a quality-95 4:2:0 JPEG "
        "on one thread. Smaller is faster."
    )
    section = Section("Speed and memory", text, "python benchmarks/speed.py")
    mine = [row for row in rows if "operation" in row]
    if not mine:
        return section
    timed = [row for row in mine if row.get("threads") == 1 and "seconds" in row]
    decode = {row["megapixels"]: row["seconds"][0] for row in timed if row["operation"] == "decode JPEG 95"}
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in sorted(timed, key=lambda row: float(row["megapixels"])):
        if row["megapixels"] == 12.0 and row["scheme"] and 12.0 in decode:
            what = "other packages, embed" if row["operation"] == "peer.embed" else row["operation"]
            groups[what][scheme_label(row["scheme"])] = row["seconds"][0] / decode[12.0]
        if row["operation"] in ("Marker.embed", "decode JPEG 95"):
            lines[row["scheme"] or row["operation"]].append((row["megapixels"], row["seconds"][0]))
    if groups:
        section.figures["time at 12 MP"] = plots.bars(groups, "time / decoding the JPEG")
    if max(map(len, lines.values()), default=0) >= 3:
        section.figures["time to embed"] = plots.times(lines)
    section.tables.extend(table for table in speed.tables(mine) if table[2])
    return section


def _ranking(rows: list[Row]) -> Section:
    text = (
        "The points of SSIMULACRA2 that an attacker gives up (geometry undone) at the strength where the share of "
        "messages falls to 95, 70 and 50 %, and 1 - SSIM at the last, the cheapest attack first; after WAVES (An et "
        "al., ICML 2024)."
    )
    section = Section("What attacks cost", text, "python benchmarks/rank.py")
    losses = [row for row in rows if row.get("part") == "loss"]
    attacks = {row["attack"] for row in losses}
    reads = [
        row for row in rows
        if row.get("attack") in attacks and "part" not in row and not str(row["scheme"]).startswith("peer:")
    ]  # fmt: skip
    section.tables.extend(rank.tables(usual(reads), losses))
    return section


def _write(path: Path, page: str) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(page, "utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ResultsError(f"cannot write {path}: {error.strerror or error}") from error


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
