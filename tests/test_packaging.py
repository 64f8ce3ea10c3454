"""What an installed copy holds, and the names that people may rely on."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import watermarking as wm

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "watermarking"
NAMES = {
    "AlreadyMarkedError", "CapacityError", "Detection", "Embedder", "Extraction", "Extractor", "FidelityError",
    "FileAccessError", "FileFormatError", "Key", "KeyFileError", "Marker", "MissingExtraError", "Reading", "Receipt",
    "Scheme", "UnknownAttackError", "UnknownSchemeError", "UnsupportedImageError", "VerificationError",
    "WatermarkError", "WeightsError", "__version__", "detect_any", "extract_any", "get_config", "get_scheme",
    "scheme_ids",
}  # fmt: skip
"""A name that leaves this set breaks somebody's program; a new one is a promise."""
CALLS = {
    "Marker": ["scheme", "key", "fidelity", "psnr", "insist", "search", "peak"],
    "Marker.embed": ["self", "image", "message"],
    "Marker.extract": ["self", "image"],
    "Marker.detect": ["self", "image", "message"],
    "Marker.capacity": ["self", "shape"],
    "Marker.embed_file": ["self", "source", "target", "message", "verify", "in_place", "quality", "subsampling"],
    "Marker.extract_file": ["self", "path"],
    "Marker.embed_bytes": ["self", "data", "message", "verify"],
    "Marker.extract_bytes": ["self", "data"],
    "Key.generate": [],
    "Key.from_file": ["path"],
    "Key.from_passphrase": ["passphrase", "salt"],
    "Key.derive": ["self", "label"],
    "extract_any": ["image", "keys", "schemes", "search"],
    "detect_any": ["image", "message", "keys", "schemes", "search"],
    "get_scheme": ["config"],
    "get_config": ["scheme"],
    "scheme_ids": [],
}
"""Parameters that callers may pass by name: a call may gain some, it never loses one."""


def test_public_names() -> None:
    assert set(wm.__all__) == NAMES
    for name in NAMES:
        assert getattr(wm, name) is not None


@pytest.mark.parametrize("call", CALLS)
def test_public_calls(call: str) -> None:
    found = wm
    for part in call.split("."):
        found = getattr(found, part)
    parameters = list(inspect.signature(found).parameters)  # type: ignore[arg-type]
    kept = [name for name in parameters if name in CALLS[call]]
    assert kept == CALLS[call]


def test_every_module_says_what_it_gives() -> None:
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        assert path.stat().st_size == 0 or ast.get_docstring(tree), f"{path} has no docstring"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out what an installer would: the files that setup.cfg names, and no others."""
    place = tmp_path_factory.mktemp("site")
    build = ["-c", "import setuptools; setuptools.setup()", "--quiet", "egg_info", "--egg-base", str(place)]
    subprocess.run(
        [sys.executable, *build, "build_py", "--build-lib", str(place)], cwd=ROOT, check=True, capture_output=True
    )
    return place


def test_an_installed_copy_holds_what_it_must(installed: Path) -> None:
    wanted = {
        path.relative_to(ROOT)
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".nbc", ".nbi", ".part"}
    }
    held = {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
    held = {path for path in held if not path.parts[0].endswith(".egg-info")}
    assert held == wanted
    for name in ("py.typed", "__init__.pyi", "deep/weights/deep-unseen.safetensors", "deep/configs/deep-logo.json"):
        assert Path("watermarking", name) in held
    assert sum(path.stat().st_size for path in (installed / "watermarking").rglob("*")) < 12_000_000


def test_an_installed_copy_works(installed: Path, tmp_path: Path) -> None:
    code = (
        "import numpy as np, watermarking as wm; from pathlib import Path; print(Path(wm.__file__).parents[1]);"
        "picture = np.random.default_rng(0).integers(90, 160, (256, 256, 3)).astype(np.uint8);"
        "marker = wm.Marker(key=wm.Key(bytes(16))); print(marker.extract(marker.embed(picture, 'here')).text)"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed), "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(installed), "here"]
