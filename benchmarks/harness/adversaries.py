"""People who want to read, forge, remove or deny a mark: what each of them achieves, and at what quality.

An adversary is a function that gets the cells of one photograph, scheme and key, marks what all of them need, and
returns the measurement of one cell. Nothing here moves a picture.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from harness.cells import CRASHED, DONE, IMPOSSIBLE, Cell, Row, key_of, message_of, rng_of, significant
from harness.learners import Learner
from harness.photographs import Photograph, load
from harness.workers import failed
from watermarking.attacks.collusion import Collude, EstimateAttack
from watermarking.attacks.known_originals import KnownOriginals
from watermarking.attacks.oracle import OracleRemoval
from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.messages.marker import Marker
from watermarking.metrics import psnr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import Image
    from watermarking.keys import Key

__all__ = ["ADVERSARIES", "SHARED", "measure_adversary", "smallest_shape"]

Pictures: TypeAlias = dict[str, Photograph]
Measurement: TypeAlias = Callable[[Cell], Row]

_TURNS = 8
"""Ways in which a photograph is shown: where more pictures are averaged than there are, mirrored ones are others."""

SHARED = ("part", "scheme", "photograph", "key", "psnr", "bytes", "search", "differ")
"""What the cells of one adversary at one photograph agree in."""


def measure_adversary(cells: list[Cell], *, pictures: Pictures) -> list[Row]:
    """Measure cells that agree in all fields of ``SHARED``."""
    try:
        measure = ADVERSARIES[cells[0]["part"]](cells, pictures)
    except WatermarkError as error:
        return [failed(IMPOSSIBLE, str(error)) for _ in cells]
    return [_guarded(measure, cell) for cell in cells]


def wrong_key(cells: list[Cell], pictures: Pictures) -> Measurement:
    """Read a marked picture with ``readers`` other keys, the first of them derived from the right one."""
    first, cover = cells[0], load(pictures[cells[0]["photograph"]])
    marked = _marker(first).embed(cover, message_of(first))
    own = key_of(first)

    def measure(cell: Cell) -> Row:
        others = [key_of({**cell, "key": ["another", cell["key"], n]}) for n in range(cell["readers"] - 1)]
        readings = [_marker(cell, key).extract(marked) for key in (own.derive("another purpose"), *others)]
        return {
            "read": _marker(cell).extract(marked).message == message_of(cell),
            "messages": sum(reading.message is not None for reading in readings),
            "p": [significant(reading.detection.p_value, 3) for reading in readings],
        }

    return measure


def copy(cells: list[Cell], pictures: Pictures) -> Measurement:
    """Put the mark's estimate from ``n`` other pictures of one key on an unmarked photograph, ``strength`` times."""
    covers, marked, messages = _marked_alike(cells, pictures)

    def measure(cell: Cell) -> Row:
        n = _enough(cell["n"], len(marked) - 1)
        forged = EstimateAttack(strength=cell["strength"])(marked[1 : n + 1], covers[0])
        return {**_judged(_marker(cell), forged, messages[1 : n + 1]), **_quality(covers[0], forged)}

    return measure


def learnt_copy(cells: list[Cell], pictures: Pictures) -> Measurement:
    """Put what ``n`` pictures of one key teach about `bound` on an unmarked photograph, ``strength`` times."""
    covers, marked, messages = _marked_alike(cells, pictures)

    @functools.cache
    def learner(n: int) -> Learner:
        return Learner(marked[1 : n + 1])

    def measure(cell: Cell) -> Row:
        n = _enough(cell["n"], len(marked) - 1)
        forged = learner(n).forge(covers[0], cell["strength"])
        return {**_judged(_marker(cell), forged, messages[1 : n + 1]), **_quality(covers[0], forged)}

    return measure


def removal(cells: list[Cell], pictures: Pictures) -> Measurement:
    """Subtract the mark's estimate from ``n`` pictures of one key from one of them, ``strength`` times."""
    covers, marked, messages = _marked_alike(cells, pictures)

    def measure(cell: Cell) -> Row:
        n = _enough(cell["n"], len(marked))
        cleaned = EstimateAttack(strength=-cell["strength"])(marked[:n], marked[0])
        return {**_judged(_marker(cell), cleaned, messages[:1]), **_quality(covers[0], cleaned)}

    return measure


def known_originals(cells: list[Cell], pictures: Pictures) -> Measurement:
    """Take the mark from ``n`` pairs of originals and marked pictures, ``strength`` times, to or from another one."""
    covers, marked, messages = _marked_alike(cells, pictures)
    forges = cells[0]["part"] == "known copy"

    def measure(cell: Cell) -> Row:
        n = _enough(cell["n"], len(marked) - 1)
        attack = KnownOriginals(strength=cell["strength"] if forges else -cell["strength"], template=cell["template"])
        pairs = zip(covers[1 : n + 1], marked[1 : n + 1], strict=True)
        attacked = attack(pairs, covers[0] if forges else marked[0])
        said = messages[1 : n + 1] if forges else messages[:1]
        return {**_judged(_marker(cell), attacked, said), **_quality(covers[0], attacked)}

    return measure


def collusion(cells: list[Cell], pictures: Pictures) -> Measurement:
    """Merge ``n`` customers' copies, then look for all of them and for customers who had no part in it.

    Copies differ in the message, or in the key that the customer's was derived as. ``read`` says that the reader names
    a colluder, ``wrong`` that it names anybody else; p-values are those of asking for each customer's mark.
    """
    cover = load(pictures[cells[0]["photograph"]])
    by_keys = cells[0]["differ"] == "keys"
    customers = range(max(cell["n"] + cell["innocents"] for cell in cells))
    keys = [key_of(cells[0]).derive(f"customer {i}") if by_keys else key_of(cells[0]) for i in customers]
    messages = [_message(cells[0], 0 if by_keys else i) for i in customers]
    copies = [_marker(cells[0], keys[i]).embed(cover, messages[i]) for i in range(max(cell["n"] for cell in cells))]

    def measure(cell: Cell) -> Row:
        n, everybody = cell["n"], cell["n"] + cell["innocents"]
        merged = Collude(rule=cell["rule"])(copies[:n], rng=rng_of(cell, "photograph", "key", "rule", "n"))
        reading = _marker(cell, keys[:everybody] if by_keys else keys[0]).extract(merged)
        named = reading.message in messages[:n] and (reading.key_index or 0) < n
        p = [_known(_marker(cell, keys[i]), merged, messages[i]) for i in range(everybody)]
        return {
            "read": named, "wrong": reading.message is not None and not named,
            "p_colluders": p[:n], "p_innocents": p[n:], **_quality(cover, merged),
        }  # fmt: skip

    return measure


def remark(cells: list[Cell], pictures: Pictures) -> Measurement:
    """Mark a marked picture ``times`` more with the scheme ``second``, each time with another key and message."""
    cover = load(pictures[cells[0]["photograph"]])
    marked = _marker(cells[0]).embed(cover, message_of(cells[0]))

    def measure(cell: Cell) -> Row:
        picture, later = marked, cell
        for time in range(cell["times"]):
            later = {**cell, "scheme": cell["second"], "key": ["later", cell["key"], time]}
            picture = _marker(later).embed(picture, message_of(later))
        last = _marker(later).extract(picture).message == message_of(later)
        return {**_judged(_marker(cell), picture, [message_of(cell)]), "last_read": last, **_quality(cover, picture)}

    return measure


def oracle(cells: list[Cell], pictures: Pictures) -> Measurement:
    """Ask the reader up to ``calls`` times whether it still finds a message, and stay as close as may be."""
    cover = load(pictures[cells[0]["photograph"]])
    marked = _marker(cells[0]).embed(cover, message_of(cells[0]))

    def measure(cell: Cell) -> Row:
        marker = _marker(cell)
        rng = rng_of(cell, "photograph", "key")
        attack = OracleRemoval(calls=cell["calls"])
        found = attack(marked, lambda picture: marker.extract(picture).message is not None, rng=rng)
        return {
            "removed": found.removed, "asked": found.calls,
            **_judged(marker, found.image, [message_of(cell)]), "marked_psnr": _decibels(marked, found.image),
            **_quality(cover, found.image),
        }  # fmt: skip

    return measure


ADVERSARIES: dict[str, Callable[[list[Cell], Pictures], Measurement]] = {
    "wrong key": wrong_key,
    "copy": copy,
    "removal": removal,
    "learnt copy": learnt_copy,
    "known copy": known_originals,
    "known removal": known_originals,
    "collusion": collusion,
    "remark": remark,
    "oracle": oracle,
}


def smallest_shape(pictures: Pictures) -> list[int]:
    """Return the rows and columns that every photograph has."""
    shapes = [load(picture).shape for picture in pictures.values()]
    return [min(shape[axis] for shape in shapes) for axis in (0, 1)]


def _guarded(measure: Measurement, cell: Cell) -> Row:
    try:
        return {"status": DONE, **measure(cell)}
    except WatermarkError as error:
        return failed(IMPOSSIBLE, str(error))
    except Exception as error:  # noqa: BLE001  # one cell that breaks is its own row, and the others go on
        return failed(CRASHED, f"{type(error).__name__}: {error}")


def _marker(cell: Cell, key: Key | Sequence[Key] | None = None) -> Marker:
    return Marker(cell["scheme"], key=key or key_of(cell), psnr=cell["psnr"], search=cell["search"])


def _message(cell: Cell, number: int) -> bytes:
    return message_of({**cell, "key": [cell["key"], number]})


def _marked_alike(cells: list[Cell], pictures: Pictures) -> tuple[list[Image], list[Image], list[bytes]]:
    """Return covers, marked pictures of one key and their messages: the photograph, those that follow, all mirrored.

    All are cut to the cells' ``shape`` about their middle before they are marked: a mark lies elsewhere in a picture of
    another size, so one size is what serves an averaging attacker best.
    """
    first, names = cells[0], list(pictures)
    start = names.index(first["photograph"])
    chosen = [(name, turn) for turn in range(_TURNS) for name in (*names[start:], *names[:start])]
    chosen = chosen[: max(cell["n"] for cell in cells) + 1]
    covers = [_tile(pictures[name], tuple(first["shape"]), turn) for name, turn in chosen]
    messages = [_message(first, i if first["differ"] == "messages" else 0) for i in range(len(chosen))]
    marker = _marker(first)
    return covers, [marker.embed(cover, said) for cover, said in zip(covers, messages, strict=True)], messages


@functools.lru_cache(maxsize=136)
def _tile(photograph: Photograph, shape: tuple[int, int], turn: int = 0) -> Image:
    """Cut the middle of a photograph out, or one end of it for later turns, mirrored in one of four ways."""
    pixels = load(photograph)
    spare = [side - kept for side, kept in zip(pixels.shape, shape, strict=False)]
    top, left = (side // 2 if turn < _TURNS // 2 else side for side in spare)
    tile = pixels[top : top + shape[0], left : left + shape[1]]
    return np.ascontiguousarray(tile[:: -1 if turn % 4 > 1 else 1, :: -1 if turn % 2 else 1])


def _enough(wanted: int, there: int) -> int:
    if there < wanted:
        raise UnsupportedImageError(f"{wanted} marked pictures are to be averaged, there are {there}")
    return wanted


def _judged(marker: Marker, image: Image, messages: Sequence[bytes]) -> Row:
    """Return what the reader says: one of the messages, or another, and p-values unasked and asked for the first."""
    reading = marker.extract(image)
    return {
        "read": reading.message in messages,
        "wrong": reading.message not in (None, *messages),
        "p": significant(reading.detection.p_value, 3),
        "known": _known(marker, image, messages[0]),
    }


def _known(marker: Marker, image: Image, message: bytes) -> float:
    return significant(marker.detect(image, message).p_value, 3)


def _quality(cover: Image, attacked: Image) -> Row:
    return {"attacked_psnr": _decibels(cover, attacked)}


def _decibels(first: Image, second: Image) -> float:
    """Return the PSNR; equal pictures have 100 dB, a number that tables and averages can hold."""
    return significant(min(psnr(first, second), 100.0), 5)
