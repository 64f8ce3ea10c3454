"""The page that shows what became of a picture, one file that needs nothing else."""

from __future__ import annotations

import html
import json
import string
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import watermarking
from watermarking.demo import places, steps
from watermarking.demo.steps import AMPLIFIED, amplified, inline
from watermarking.demo.story import came_back, is_false
from watermarking.metrics import psnr, ssimulacra2

if TYPE_CHECKING:
    from watermarking.demo.story import Pixels, Story, Telling
    from watermarking.messages.reading import Reading

__all__ = ["credit", "render", "shipped_photograph"]

_FILES: Final = resources.files("watermarking.demo")
_CORNER: Final = np.s_[-300:, :448]


def shipped_photograph() -> bytes:
    """Return the photograph that comes with the package, a JPEG file."""
    return _FILES.joinpath("photograph.jpg").read_bytes()


def credit() -> str:
    """Say whose that photograph is."""
    card = json.loads(_FILES.joinpath("photograph.json").read_text("utf-8"))
    return f"{card['title']}, {card['author']}, {card['licence']}"


def render(told: Telling, *, name: str, whose: str, seconds: float) -> str:
    """Return the page.

    Parameters
    ----------
    told : Telling
    name : str, what the picture is called
    whose : str, whose it is
    seconds : float, that marking, attacking and reading took
    """
    original, stories = told.original, told.stories
    first = stories[0].marked
    pictures = {"none": first, **told.attacked, "unmarked": original, "another key": first}
    values: dict[str, Any] = {
        "message": html.escape(told.message),
        "photograph": html.escape(name),
        "size": f"{original.shape[1]}x{original.shape[0]}",
        "version": watermarking.__version__,
        "credit": html.escape(whose),
        "original": inline(original, 640),
        "corner": inline(original[_CORNER], 448),
        "schemes": "\n".join(_scheme_figure(original, story) for story in stories),
        "refusals": "".join(_refusal(*one) for one in told.refusals.items()),
        "amplified": AMPLIFIED,
        "steps": steps.section(original, told.key),
        "places": places.section(told),
        "heads": "".join(f"<th>{story.scheme}</th>" for story in stories),
        "rows": "\n".join(_table_row(attack, pictures[attack], told) for attack in stories[0].readings),
        "seconds": f"{seconds:.0f}",
    }
    return string.Template(_FILES.joinpath("page.html").read_text("utf-8")).substitute(values)


def _refusal(scheme: str, why: str) -> str:
    return f'<p class="soft"><b>{scheme}</b> could not mark this picture: {html.escape(why)}.</p>'


def _scheme_figure(original: Pixels, story: Story) -> str:
    """Show the marked picture and, amplified, what was changed."""
    change = amplified(original, story.marked)
    return (
        f'<figure><img src="{inline(story.marked, 640)}" alt="Marked by {story.scheme}">'
        f'<img src="{inline(change[_CORNER], 448)}" alt="Change made by {story.scheme}, {AMPLIFIED} times amplified">'
        f"<figcaption><b>{story.scheme}</b>: SSIMULACRA2 {ssimulacra2(original, story.marked):.1f}, PSNR "
        f"{psnr(original, story.marked):.1f} dB<br>below: the change, {AMPLIFIED} times amplified, lower left corner"
        "</figcaption></figure>"
    )


def _table_row(name: str, picture: Pixels, told: Telling) -> str:
    """Show one attack: what it looks like, and what every scheme read."""
    cells = "".join(f"<td>{_verdict(story.readings[name], told.message)}</td>" for story in told.stories)
    return (
        f'<tr><td><img src="{inline(picture, 120)}" alt=""></td><td><code>{html.escape(name)}</code></td>{cells}</tr>'
    )


def _verdict(reading: Reading, message: str) -> str:
    """Say in one cell what was read and how sure it is."""
    if came_back(reading, message):
        mark = '<span class="good">✓ read</span>'
    elif is_false(reading, message):
        mark = '<span class="bad">✗ false</span>'
    else:
        mark = '<span class="bad">nothing</span>'
    p_value = reading.detection.p_value
    chance = f"p = {p_value:.1g}" if p_value > 1e-300 else "p &lt; 1e-300"
    return f'{mark}<span class="soft">{chance}</span>'
