"""Mark a photograph with every scheme, attack it, read it back, and write the whole story into one page."""

from __future__ import annotations

import argparse
import html
import json
import string
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import watermarking as wm
from harness import steps
from harness.steps import AMPLIFIED, amplified, inline
from watermarking.attacks import parse_attack
from watermarking.metrics import psnr, ssimulacra2
from watermarking.pictures.files import read_picture

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

HERE = Path(__file__).parent
PHOTOGRAPH = HERE / "photographs" / "citrus-fruits.jpg"
SCHEMES = ("dwt", "dct", "additive", "additive_block")
MESSAGE = "Ada 2026"
ATTACKS = (
    *("jpeg(90)", "jpeg(50)", "jpeg(30)", "jpeg(10)", "webp(50)", "noise(10)", "noise(20)", "blur(1)", "blur(2)"),
    *("median(5)", "brightness(1.2)", "contrast(1.5)", "gamma(0.7)", "grey", "posterise(4)", "sharpen"),
    *("salt_pepper(0.01)", "brightness(0.8) | noise(5) | jpeg(50)"),
)
CORNER = np.s_[-300:, :448]


@dataclass(frozen=True)
class Story:
    """What happened to the picture of one scheme."""

    scheme: str
    marked: Pixels
    readings: dict[str, wm.Reading]


def main() -> None:
    """Write the report into the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where report.html is written")
    folder: Path = parser.parse_args().folder
    start = time.perf_counter()
    original = np.asarray(read_picture(PHOTOGRAPH).array)
    key = wm.Key.generate()
    print("marking, attacking and reading (the first run on a machine compiles for some seconds)", flush=True)
    attacked: dict[str, Pixels] = {}
    stories = [tell(scheme, original, key, attacked) for scheme in SCHEMES]
    page = render(original, key, stories, attacked, start)
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.html"
    report.write_text(page, "utf-8")
    for story in stories:
        n_read = sum(came_back(story.readings[name]) for name in ("none", *ATTACKS))
        print(f"{story.scheme:<16}{n_read} of {len(ATTACKS) + 1} read back")
    print(f"report: {report.resolve()}")
    wrong = [story.scheme for story in stories for reading in story.readings.values() if is_false(reading)]
    if wrong or not all(came_back(story.readings["none"]) for story in stories):
        sys.exit("something was read that is not there, or an untouched mark was not read: see the report")


def tell(scheme: str, original: Pixels, key: wm.Key, attacked: dict[str, Pixels]) -> Story:
    """Mark, attack and read with one scheme; keep the attacked pictures of the first."""
    marker = wm.Marker(scheme, key=key)
    marked = marker.embed(original, MESSAGE)
    readings = {"none": marker.extract(marked)}
    for name in ATTACKS:
        picture = parse_attack(name)(marked, rng=np.random.default_rng(1))
        attacked.setdefault(name, picture)
        readings[name] = marker.extract(picture)
    readings["unmarked"] = marker.extract(original)
    readings["another key"] = wm.Marker(scheme, key=wm.Key.generate()).extract(marked)
    return Story(scheme, marked, readings)


def came_back(reading: wm.Reading) -> bool:
    """Say whether the exact message was read."""
    return reading.text == MESSAGE


def is_false(reading: wm.Reading) -> bool:
    """Say whether a message was read that nobody embedded."""
    return reading.message is not None and not came_back(reading)


def render(original: Pixels, key: wm.Key, stories: list[Story], attacked: dict[str, Pixels], start: float) -> str:
    """Fill the page's template."""
    cards = {row["file"]: row for row in json.loads((PHOTOGRAPH.parent / "photographs.json").read_text("utf-8"))}
    card = cards[PHOTOGRAPH.name]
    pictures = {"none": stories[0].marked, **attacked, "unmarked": original, "another key": stories[0].marked}
    values: dict[str, Any] = {
        "message": html.escape(MESSAGE),
        "photograph": PHOTOGRAPH.name,
        "size": f"{original.shape[1]}x{original.shape[0]}",
        "version": wm.__version__,
        "credit": html.escape(f"{card['title']}, {card['author']}, {card['licence']}"),
        "original": inline(original, 640),
        "corner": inline(original[CORNER], 448),
        "schemes": "\n".join(scheme_figure(original, story) for story in stories),
        "amplified": AMPLIFIED,
        "steps": steps.section(original, key),
        "heads": "".join(f"<th>{story.scheme}</th>" for story in stories),
        "rows": "\n".join(table_row(name, pictures[name], stories) for name in stories[0].readings),
    }
    values["seconds"] = f"{time.perf_counter() - start:.0f}"
    return string.Template((HERE / "demo.html").read_text("utf-8")).substitute(values)


def scheme_figure(original: Pixels, story: Story) -> str:
    """Show the marked picture and, amplified, what was changed."""
    change = amplified(original, story.marked)
    return (
        f'<figure><img src="{inline(story.marked, 640)}" alt="Marked by {story.scheme}">'
        f'<img src="{inline(change[CORNER], 448)}" alt="Change made by {story.scheme}, {AMPLIFIED} times amplified">'
        f"<figcaption><b>{story.scheme}</b>: SSIMULACRA2 {ssimulacra2(original, story.marked):.1f}, PSNR "
        f"{psnr(original, story.marked):.1f} dB<br>below: the change, {AMPLIFIED} times amplified, lower left corner"
        "</figcaption></figure>"
    )


def table_row(name: str, picture: Pixels, stories: list[Story]) -> str:
    """Show one attack: what it looks like, and what every scheme read."""
    cells = "".join(f"<td>{verdict(story.readings[name])}</td>" for story in stories)
    return (
        f'<tr><td><img src="{inline(picture, 120)}" alt=""></td><td><code>{html.escape(name)}</code></td>{cells}</tr>'
    )


def verdict(reading: wm.Reading) -> str:
    """Say in one cell what was read and how sure it is."""
    if came_back(reading):
        mark = '<span class="good">✓ read</span>'
    elif is_false(reading):
        mark = '<span class="bad">✗ false</span>'
    else:
        mark = '<span class="bad">nothing</span>'
    p_value = reading.detection.p_value
    chance = f"p = {p_value:.1g}" if p_value > 1e-300 else "p &lt; 1e-300"
    return f'{mark}<span class="soft">{chance}</span>'


if __name__ == "__main__":
    main()
