"""Each kernel is compiled once, twice where samples are uint8 or float32, and no cache folder can stop it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "watermarking"
MARK_EVERYTHING = """
import json, sys
import numpy as np
import watermarking as wm
from watermarking.registry import get_scheme
from watermarking.threads import threads

key = wm.Key(bytes(16))
rng = np.random.default_rng(0)
for scheme_id in ("additive", "additive_block", "dct", "dwt"):
    for shape in [(150, 133, 4), (141, 150), (260, 1300, 3)]:
        for dtype in (np.uint8, np.float32):
            image = rng.integers(0, 2, shape).astype(dtype)
            image.flags.writeable = False
            for view in (image, image[::-1, ::-1]):
                scheme = get_scheme(scheme_id)
                marked = scheme.embed(view, np.ones(4, np.bool_), key=key)
                marked.flags.writeable = False
                scheme.extract(marked, key=key)
counts = {}
for name, module in list(sys.modules.items()):
    if name.startswith("watermarking.kernels."):
        for kernel in vars(module).values():
            if hasattr(kernel, "signatures"):
                counts[kernel.py_func.__name__] = len(kernel.signatures)
print(json.dumps(counts))
"""


def run(script: str, cwd: Path = PACKAGE.parent, **environment: str) -> str:
    command = [sys.executable, "-W", "error", "-c", script]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0", **environment}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_strides_and_flags_of_pictures_need_no_further_compilation() -> None:
    counts = json.loads(run(MARK_EVERYTHING))
    assert counts["despread"] == 1
    for_samples = {"luma_box", "luma_box_alpha", "add_residual"}
    too_many = {name: n for name, n in counts.items() if n > (2 if name in for_samples else 1)}
    assert not too_many


USE_ONE_KERNEL = """
import numpy as np
from watermarking.kernels.chips import box_mean
out = np.zeros((2, 2), np.float32)
box_mean(np.ones((4, 4), np.float32), 2, out)
print(out.sum(), box_mean.stats.cache_path)
"""


def test_no_cache_folder_can_be_written(tmp_path: Path) -> None:
    """Neither beside the package nor in the user's folder nor where the user says: it works, just not as fast."""
    kernels = tmp_path / "watermarking" / "kernels"
    kernels.mkdir(parents=True)
    (tmp_path / "watermarking" / "__init__.py").touch()
    for name in ("__init__.py", "jit.py", "chips.py"):
        shutil.copy(PACKAGE / "kernels" / name, kernels)
    (kernels / "__pycache__").touch()  # a file where the folder would be; permissions would not stop root
    nowhere = str(kernels / "__pycache__" / "no")
    output = run(USE_ONE_KERNEL, tmp_path, HOME=nowhere, XDG_CACHE_HOME=nowhere, NUMBA_CACHE_DIR=nowhere)
    assert output.split() == ["4.0", "None"]


def test_a_full_disk_is_no_error(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    output = run(limit + USE_ONE_KERNEL, NUMBA_CACHE_DIR=str(tmp_path))
    assert output.startswith("4.0")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]
