"""Other packages, each in a process of its own with its own Python, so that their faults and versions stay theirs.

``make peers`` installs them into ``.venv-peers``; PEERS_PYTHON names another interpreter that has them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.metrics import psnr

if TYPE_CHECKING:
    from watermarking.interface import Image

__all__ = ["PEERS", "Peer", "PeerError", "unavailable"]

PEERS = (
    "blind-watermark",
    "invisible-watermark/dwtDct",
    "invisible-watermark/dwtDctSvd",
    "invisible-watermark/rivaGan",
)
_ROOT = Path(__file__).parents[2]
_PATIENCE = 600.0  # seconds for one call
_OWN, _WEAKEST = 1.0, 1 / 64
_BELOW, _ABOVE = 0.05, 0.3  # dB around the PSNR aimed at: the tolerance that our own schemes have
_strengths: dict[tuple[Any, ...], float] = {}


class PeerError(Exception):
    """A peer's process died, or its code raised something."""


def unavailable(name: str) -> str | None:
    """Say why a peer cannot be asked; None if it can."""
    try:
        _process().ask({"do": "hello", "peer": name})
    except (PeerError, OSError) as error:
        return f"{name} is left out: {error}; `make peers` installs it"
    return None


class Peer:
    """A method of another package at a PSNR of our choice.

    The strength that gives this PSNR is looked for, and the reader is told it, as its own interface wants it to be. It
    is also told the message's length. A method that cannot reach the PSNR, because it changes the picture even where it
    marks nothing, works at its own strength: a stronger mark than ours. Grey pictures are given as RGB.
    """

    def __init__(self, name: str, target: float) -> None:
        self.name, self.target = name, target
        self.strength = 1.0

    def embed(self, image: Image, message: bytes) -> Image:
        """Mark a picture at the strength whose PSNR lies within the tolerance, or next to it."""
        cover = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
        remembered = (self.name, self.target, cover.shape, int(cover[::7, ::7].sum()))
        low, high, strength = _WEAKEST, 16.0, _strengths.get(remembered, 0.0)
        if not strength and psnr(cover, self._mark(cover, message, low)) < self.target:
            _strengths[remembered] = strength = _OWN  # what it does to the picture besides marking is too much already
        if strength == _OWN:
            self.strength = _OWN
            return self._mark(cover, message, _OWN)
        strength = strength or 0.7
        best: tuple[float, float, Image] | None = None
        for _ in range(10):
            marked = self._mark(cover, message, strength)
            error = psnr(cover, marked) - self.target
            if best is None or abs(error) < abs(best[0]):
                best = (error, strength, marked)
            if -_BELOW <= error <= _ABOVE:
                break
            low, high = (strength, high) if error > 0 else (low, strength)
            guess = strength * 10 ** (min(max(error, -12.0), 12.0) / 20)
            strength = guess if low < guess < high else (low * high) ** 0.5
        assert best is not None
        _, self.strength, marked = best
        _strengths[remembered] = self.strength
        return marked

    def read(self, image: Image, message: bytes) -> dict[str, Any]:
        """Read bits; these packages have no check, so what is not right is wrong."""
        colour = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
        request = {"do": "read", "peer": self.name, "n_bits": 8 * len(message), "strength": self.strength}
        _, content = _process().ask(request, colour)
        bits, sent = np.frombuffer(content, np.uint8), np.unpackbits(np.frombuffer(message, np.uint8))
        rate = float(np.mean(bits != sent))
        return {"read": rate == 0, "wrong": False, "ber": round(rate, 4), "p": None}

    def seconds_to_embed(self, cover: Image, message: bytes) -> float:
        """Return how long the package takes at its own strength, without what it takes to hand the picture over."""
        request = {"do": "embed", "peer": self.name, "message": message.hex(), "strength": _OWN}
        return float(_process().ask(request, cover)[0]["seconds"])

    def _mark(self, cover: Image, message: bytes, strength: float) -> Image:
        request = {"do": "embed", "peer": self.name, "message": message.hex(), "strength": strength}
        answer, content = _process().ask(request, cover)
        return np.frombuffer(content, np.uint8).reshape(answer["shape"])


class _Process:
    """The peers' interpreter running ``serve.py``: one JSON line and raw bytes in, the same out."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def ask(self, request: dict[str, Any], image: Image | None = None) -> tuple[dict[str, Any], bytes]:
        """Send a request and return the answer; WatermarkError if the peer refuses, PeerError if it fails."""
        if self._child is None:
            self._child = _start()
        content = b"" if image is None else np.ascontiguousarray(image).tobytes()
        shape = [] if image is None else list(image.shape)
        header = json.dumps({**request, "shape": shape, "n_bytes": len(content)}).encode() + b"\n"
        try:
            answer, back = self._exchange(self._child, header + content)
        except (OSError, ValueError) as error:
            self.close()
            raise PeerError(f"{request['peer']}: its process died ({error})") from error
        if answer.get("refused"):
            raise WatermarkError(answer["refused"])
        if answer.get("failed"):
            raise PeerError(answer["failed"])
        return answer, back

    def close(self) -> None:
        """End the process; the next request starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            with contextlib.suppress(OSError):  # what it no longer reads
                child.communicate()

    @staticmethod
    def _exchange(child: subprocess.Popen[bytes], request: bytes) -> tuple[dict[str, Any], bytes]:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(request)
        child.stdin.flush()
        if not select.select([child.stdout], [], [], _PATIENCE)[0]:
            raise OSError(f"no answer in {_PATIENCE:g} seconds")
        answer = dict(json.loads(child.stdout.readline() or b"?"))
        return answer, child.stdout.read(answer["n_bytes"])


@functools.cache
def _process() -> _Process:
    process = _Process()
    atexit.register(process.close)
    return process


def _start() -> subprocess.Popen[bytes]:
    own = _ROOT / ".venv-peers" / "bin" / "python"
    python = os.environ.get("PEERS_PYTHON") or (str(own) if own.exists() else sys.executable)
    return subprocess.Popen(
        [python, str(Path(__file__).with_name("serve.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
