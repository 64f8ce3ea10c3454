"""A prefix for commands that a test interrupts."""

from __future__ import annotations

import sys
from typing import Final

HEEDING: Final = (
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
)
"""Undoes what a shell does to the jobs that it runs in the background: they ignore interrupts."""
