"""The other end: runs under the peers' Python, imports nothing of ours but the adapters beside it."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from typing import Any

import cv2
import numpy as np

MODULES = {
    "blind-watermark": "blindwatermark",
    "invisible-watermark": "invisiblewatermark",
    "ghostmark": "ghostmarkimage",
}


class RefusedError(Exception):
    """The picture or the message is none that this method takes."""


def main() -> None:
    """Answer requests until the input ends. What packages print goes to the standard error stream."""
    cv2.setNumThreads(1)  # others are told by the environment
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in requests:
        request = json.loads(line)
        pixels = np.frombuffer(requests.read(request["n_bytes"]), np.uint8).reshape(request["shape"] or [0])
        content = b""
        answer: dict[str, Any] = {}
        try:
            start = time.perf_counter()
            adapter = _adapter(request["peer"])
            result = _answer(adapter, request, pixels)
            seconds = time.perf_counter() - start
            answer = {"shape": list(result.shape), "seconds": seconds, "checks": adapter.checks}
            content = np.ascontiguousarray(result).tobytes()
        except RefusedError as error:
            answer = {"refused": str(error)}
        except Exception as error:  # noqa: BLE001  # somebody else's code: whatever it is, the other side is told
            answer = {"failed": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps({**answer, "n_bytes": len(content)}).encode() + b"\n" + content)
        answers.flush()


def _adapter(peer: str) -> Any:
    package, _, method = peer.partition("/")
    with contextlib.redirect_stdout(sys.stderr):
        return importlib.import_module(MODULES[package]).Adapter(method, RefusedError)


def _answer(adapter: Any, request: dict[str, Any], pixels: Any) -> Any:
    with contextlib.redirect_stdout(sys.stderr):
        if request["do"] == "hello":
            return np.zeros(0, np.uint8)
        if request["do"] == "embed":
            bits = np.unpackbits(np.frombuffer(bytes.fromhex(request["message"]), np.uint8))
            return adapter.embed(pixels, bits, request["strength"]).astype(np.uint8)
        return np.asarray(adapter.read(pixels, request["n_bits"], request["strength"])).astype(np.uint8)


if __name__ == "__main__":
    main()
