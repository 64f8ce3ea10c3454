"""Mark, attack, read: the measurement that most benchmarks repeat."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from harness.cells import CRASHED, DONE, IMPOSSIBLE, Cell, Row, key_of, message_of, rng_of, significant
from harness.grid import NO_ATTACK
from harness.photographs import Photograph, load
from harness.workers import failed
from watermarking.attacks import parse_attack
from watermarking.errors import WatermarkError
from watermarking.messages.attempts import attempts
from watermarking.messages.carrier import code_word
from watermarking.messages.marker import Marker
from watermarking.metrics import butteraugli, psnr, ssimulacra2

if TYPE_CHECKING:
    from watermarking.interface import Image
    from watermarking.keys import Key

__all__ = ["SEEN", "SHARED", "Method", "OwnMethod", "attacked_picture", "mark_attack_read", "method_of", "visibility"]

SHARED = ("scheme", "photograph", "key", "psnr", "fidelity", "bytes", "search")
"""What the cells of one marked picture agree in."""
SEEN = ("SSIMULACRA2", "Butteraugli", "Butteraugli 3-norm", "PSNR")
"""What rows say of how much shows in the marked picture."""


class Method(Protocol):
    """A way to mark pictures: a scheme of ours, or a peer."""

    def embed(self, image: Image, message: bytes) -> Image:
        """Return a marked copy; WatermarkError if this picture or message is not for it."""
        ...

    def read(self, image: Image, message: bytes) -> Row:
        """Return ``read`` (this very message came back), ``wrong`` (another one did), ``ber`` and ``p``.

        The message is what the answer is compared with, never a hint.
        """
        ...


class OwnMethod:
    """A scheme of the registry, through the interface that people use."""

    def __init__(
        self, scheme: Any, key: Key, *, psnr: float | None, fidelity: float | None, search: int | None = None
    ) -> None:
        self.marker = Marker(scheme, key=key, psnr=psnr, fidelity=fidelity, search=3 if search is None else search)
        self.key = key
        self.shape: tuple[int, ...] = ()

    def embed(self, image: Image, message: bytes) -> Image:
        """Mark a picture."""
        marked: Image = self.marker.embed(image, message)
        self.shape = marked.shape
        return marked

    def read(self, image: Image, message: bytes) -> Row:
        """Read it, knowing the key alone."""
        reading = self.marker.extract(image)
        rate = reading.bit_error_rate if reading.message == message else self._unread_rate(image, message)
        return {
            "read": reading.message == message,
            "wrong": reading.message not in (None, message),
            "ber": None if rate is None else significant(rate, 3),
            "p": significant(reading.detection.p_value, 3),
        }

    def _unread_rate(self, image: Image, message: bytes) -> float | None:
        """Return the share of wrong code bits in a picture that could not be read, as it lies there.

        None where the picture's size has changed.
        """
        if image.shape != self.shape:
            return None
        scheme = self.marker.scheme
        word = code_word(scheme, message, self.key, image.shape)
        _, _, found = next(attempts((scheme,), image, (self.key,), search=0))
        return next((float(np.mean((r.sums > 0) != word)) for r in found.reads if r.length == word.size), None)


def method_of(cell: Cell) -> Method:
    """Build the method that a cell names, at the strength that it names."""
    strength = {name: cell.get(name) for name in ("psnr", "fidelity")}
    if str(cell["scheme"]).startswith("peer:"):
        from peers import Peer

        return Peer(cell["scheme"].removeprefix("peer:"), **strength)
    return OwnMethod(cell["scheme"], key_of(cell), **strength, search=cell.get("search"))


def mark_attack_read(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Measure the cells of one marked picture, which agree in all fields of ``SHARED``."""
    first = cells[0]
    cover, message = load(pictures[first["photograph"]]), message_of(first)
    start = time.perf_counter()
    try:
        method = method_of(first)
        marked = method.embed(cover, message)
        embedding = time.perf_counter() - start
        quality = visibility(cover, marked)
    except WatermarkError as error:
        return [failed(IMPOSSIBLE, str(error)) for _ in cells]
    return [_attack_and_read(cell, method, marked, message, quality, embedding) for cell in cells]


def visibility(cover: Image, marked: Image) -> Row:
    """Return how much a mark shows; a grey cover stands for the colours that some packages return."""
    reference = np.repeat(cover[..., None], 3, axis=2) if cover.ndim < marked.ndim else cover
    distance = butteraugli(reference, marked)
    far, near = significant(distance.max, 3), significant(distance.norm3, 3)
    noise = min(psnr(reference, marked), 100.0)  # equal pictures have no finite one
    return dict(zip(SEEN, (significant(ssimulacra2(reference, marked)), far, near, significant(noise)), strict=True))


def attacked_picture(marked: Image, cell: Cell) -> Image:
    """Return what the cell's attack makes of a picture; every scheme meets the same randomness."""
    if cell["attack"] == NO_ATTACK:
        return marked
    return parse_attack(cell["attack"])(marked, rng=rng_of(cell, "photograph", "key", "attack"))


def _attack_and_read(cell: Cell, method: Method, marked: Image, message: bytes, quality: Row, embedding: float) -> Row:
    try:
        attacked = attacked_picture(marked, cell)
    except WatermarkError as error:
        return failed(IMPOSSIBLE, str(error))
    start = time.perf_counter()
    try:
        found = method.read(attacked, message)
    except Exception as error:  # noqa: BLE001  # a reader that breaks has not read; the row says how
        return failed(CRASHED, f"{type(error).__name__}: {error}")
    seconds = [significant(embedding, 2), significant(time.perf_counter() - start, 2)]
    return {"status": DONE, **found, **quality, "seconds": seconds}
