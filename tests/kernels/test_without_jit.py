"""The kernels are Python too: their tests pass without compilation, so that a debugger and coverage see them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="this run is without compilation already")
def test_kernels_pass_without_compilation() -> None:
    files = [
        str(HERE / f"test_{name}.py")
        for name in (
            "pixels",
            "spread",
            "learnable",
            "transforms",
            "xyb",
            "ssimulacra2",
            "butteraugli",
            "lattice_solve",
            "seams",
        )
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
