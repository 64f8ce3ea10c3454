"""Other packages, each in a process of its own with its own Python, so that their faults and versions stay theirs.

``make peers`` installs them into ``.venv-peers``; PEERS_PYTHON names another interpreter that has them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from peers.strength import WEAKEST, Aim, fidelity_aim, find_strength, psnr_aim, refuse_what_is_too_visible
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from watermarking.interface import Image

__all__ = ["OWN_STRENGTH", "PEERS", "WITHOUT_STRENGTH", "Peer", "PeerError", "unavailable"]

PEERS = (
    "blind-watermark",
    "invisible-watermark/dwtDct",
    "invisible-watermark/dwtDctSvd",
    "invisible-watermark/rivaGan",
    "ghostmark",
)
WITHOUT_STRENGTH = frozenset({"invisible-watermark/rivaGan"})
"""Methods that offer no strength: at a fidelity they are compared at what they leave of themselves."""
OWN_STRENGTH = "own"
"""What a grid calls the strength that a package has of itself."""
_ROOT = Path(__file__).parents[2]
_PATIENCE = 600.0  # seconds for one call
_OWN = 1.0
_GUESS = 0.7  # where searches begin: always there, so that what was measured before has no say in a row
_floors: dict[tuple[Any, ...], float] = {}  # the best that a package leaves a picture


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
    """A method of another package at a strength of our choice.

    Parameters
    ----------
    name : str
    psnr : float, optional
        In dB. A method that cannot reach it, because it changes the picture even where it marks nothing, works at its
        own strength: a stronger mark than ours.
    fidelity : float or "own", optional
        SSIMULACRA2 score that marking is to leave, or the strength that the package has of itself.

    The strength that leads there is looked for, and the reader is told it, as its own interface wants it to be. It is
    also told the message's length. Grey pictures are given as RGB.
    """

    def __init__(self, name: str, *, psnr: float | None = None, fidelity: float | str | None = None) -> None:
        self.name, self.strength = name, _OWN
        self.falls_back = fidelity is None
        self.aim: Aim | None = None
        if psnr is not None:
            self.aim = psnr_aim(psnr)
        elif fidelity is not None and fidelity != OWN_STRENGTH:
            if name in WITHOUT_STRENGTH:
                raise WatermarkError(f"{name} has no strength to choose: compare it at {OWN_STRENGTH!r}")
            self.aim = fidelity_aim(float(fidelity))

    def embed(self, image: Image, message: bytes) -> Image:
        """Mark a picture at the strength that is aimed at.

        Raises
        ------
        WatermarkError
            If the package takes no such picture or message, or no strength of it leaves that score.
        """
        cover = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
        self.strength = _OWN
        if self.aim is None:
            return self._mark(cover, message, None)
        try:
            refuse_what_is_too_visible(self._floor(self.aim, cover, message), self.aim)
        except WatermarkError:
            if not self.falls_back:
                raise
            return self._mark(cover, message, None)
        found = find_strength(lambda strength: self._mark(cover, message, strength), cover, self.aim, _GUESS)
        self.strength = found.strength
        return found.image

    def read(self, image: Image, message: bytes) -> dict[str, Any]:
        """Read bits; where a package checks nothing, no bits are known to be wrong."""
        colour = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
        request = {"do": "read", "peer": self.name, "n_bits": 8 * len(message), "strength": self.strength}
        answer, content = _process().ask(request, colour)
        bits, sent = np.frombuffer(content, np.uint8), np.unpackbits(np.frombuffer(message, np.uint8))
        if not bits.size:
            return {"read": False, "wrong": False, "ber": None, "p": None}
        rate = float(np.mean(bits != sent))
        return {"read": rate == 0, "wrong": bool(answer.get("checks")) and rate > 0, "ber": round(rate, 4), "p": None}

    def seconds_to_embed(self, cover: Image, message: bytes) -> float:
        """Return how long the package takes at its own strength, without what it takes to hand the picture over."""
        request = {"do": "embed", "peer": self.name, "message": message.hex(), "strength": None}
        return float(_process().ask(request, cover)[0]["seconds"])

    def _floor(self, aim: Aim, cover: Image, message: bytes) -> float:
        """Return the best quality that the package leaves a picture that carries a message."""
        which = (self.name, aim.unit, cover.shape, hashlib.sha256(cover.tobytes()).digest(), message)
        if which not in _floors:
            _floors[which] = aim.measure(cover, self._mark(cover, message, WEAKEST))
        return _floors[which]

    def _mark(self, cover: Image, message: bytes, strength: float | None) -> Image:
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
