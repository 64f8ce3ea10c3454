"""What every scheme makes of one picture, here and in another process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from watermarking.keys import Key

if TYPE_CHECKING:
    from watermarking.interface import Image

KEY: Final = Key(bytes(range(16)))
SHAPE: Final = (256, 320, 3)

_PRINT_HASH: Final = """
import sys
from watermarking.registry import get_scheme
from watermarking.testing.covers import photograph
from watermarking.testing.payloads import payload
from watermarking.testing.reproduced import KEY, SHAPE, fingerprint
scheme = get_scheme(sys.argv[1])
print(fingerprint(scheme.embed(photograph(SHAPE), payload(scheme, 16), key=KEY)))
"""


def fingerprint(image: Image) -> str:
    """Return a hash of a picture's shape, type and samples."""
    return hashlib.sha256(repr((image.shape, image.dtype.str)).encode() + image.tobytes()).hexdigest()


def hash_of_another_process(scheme_id: str) -> str:
    """Return the fingerprint of what a scheme makes of one picture in a process of its own."""
    path = os.pathsep.join(filter(None, sys.path))  # the scheme's package may be found by no other way
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", _PRINT_HASH, scheme_id]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()
