"""What the named fidelities look like: details pixel for pixel, each as it was and as each step leaves it."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from watermarking.demo.pages import draw
from watermarking.attacks import parse_attack
from watermarking.messages.fidelity import FIDELITIES
from watermarking.messages.marker import Marker
from watermarking.metrics import butteraugli, psnr, ssimulacra2

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key

    Pixels = npt.NDArray[np.uint8]

__all__ = ["AMPLIFIED", "amplified", "inline", "section"]

AMPLIFIED = 12
_ATTACKS = ("jpeg(75)", "jpeg(50)", "jpeg(30)", "jpeg(10)")
_PAGES = {"sky": np.s_[-190:, -250:], "skin": np.s_[150:340, 200:450], "sparse": np.s_[130:320, 70:320]}
_MESSAGE = "Ada 2026"


def section(photograph: Pixels, key: Key) -> str:
    """Return the rows of a table: a photograph, a sky, skin and a page of text, by the named steps."""
    found = [_row("photograph", photograph, np.s_[-190:, :250], key)]
    found += [_row(name, draw(name), detail, key) for name, detail in _PAGES.items()]
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in ("", "original", *FIDELITIES))
    return f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{''.join(found)}</tbody>"


def _row(name: str, cover: Pixels, detail: tuple[slice, slice], key: Key) -> str:
    cells = [_cell(cover[detail], None, "as it was")]
    for step in FIDELITIES:
        marker = Marker(key=key, fidelity=step)
        marked = marker.embed(cover, _MESSAGE)
        read = [attack for attack in _ATTACKS if _is_read(marker, marked, attack)]
        said = (
            f"SSIMULACRA2 {ssimulacra2(cover, marked):.1f}, Butteraugli {butteraugli(cover, marked).max:.1f}, "
            f"{psnr(cover, marked):.1f} dB<br>read after {', '.join(read) or 'no JPEG'}"
        )
        cells.append(_cell(marked[detail], amplified(cover, marked)[detail], said))
    return f"<tr><th>{html.escape(name)}</th>{''.join(cells)}</tr>\n"


def _is_read(marker: Marker, marked: Pixels, attack: str) -> bool:
    attacked = parse_attack(attack)(marked, rng=np.random.default_rng(1))
    return marker.extract(attacked).text == _MESSAGE


def _cell(shown: Pixels, change: Pixels | None, said: str) -> str:
    pictures = [shown] if change is None else [shown, change]
    images = "".join(f'<img class="exact" src="{inline(one, 250, exact=True)}" alt="">' for one in pictures)
    return f'<td>{images}<span class="soft">{said}</span></td>'


def amplified(cover: Pixels, marked: Pixels) -> Pixels:
    """Return the change, amplified, on mid-grey."""
    return np.asarray(np.clip(128 + AMPLIFIED * (marked.astype(np.int16) - cover), 0, 255), np.uint8)


def inline(picture: Pixels, width: int, *, exact: bool = False) -> str:
    """Return a picture, shrunk to a width, as an address that holds all of it; ``exact`` to the last bit."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    image.save(target, "WEBP", quality=88, lossless=exact)
    return f"data:image/webp;base64,{base64.b64encode(target.getvalue()).decode()}"
