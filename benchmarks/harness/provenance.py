"""Where numbers come from: commit, versions, machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cells import canonical
from watermarking.attacks.registry import ATTACKS
from watermarking.registry import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["provenance", "run_id", "write_with_provenance"]

_ROOT = Path(__file__).parents[2]
_SOURCES = ("watermarking", "benchmarks/*.py", "benchmarks/harness", "benchmarks/peers")
_PACKAGES = (
    "watermarking",
    "numpy",
    "opencv-python",
    "opencv-python-headless",
    "PyWavelets",
    "numba",
    "pillow",
)


def provenance(**more: Any) -> dict[str, Any]:
    """Describe the code and the machine of this run."""
    return {
        "commit": _commit(),
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
        **more,
    }


def run_id(described: dict[str, Any]) -> str:
    """Return eight hex digits that stand for a provenance."""
    return hashlib.sha256(canonical(described).encode()).hexdigest()[:8]


def write_with_provenance(path: Path, rows: Iterable[dict[str, Any]], **more: Any) -> None:
    """Write rows as one JSON file, a line a row, with what :func:`provenance` says of this run."""
    lines = ",\n".join(map(json.dumps, rows))
    path.write_text(f'{{"provenance": {json.dumps(provenance(**more))},\n "rows": [\n{lines}\n]}}\n', "utf-8")


def _commit() -> str:
    """Return the commit, with a plus sign if the sources were changed since; unknown outside a clone."""
    try:
        commit = _git("rev-parse", "HEAD")[:12]
        return commit + ("+" if _git("status", "--porcelain", "--", *_SOURCES) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(_ROOT), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, **_plugins()}


def _plugins() -> dict[str, str]:
    """Return the versions of the packages that bring schemes or attacks."""
    points = [point for group in (SCHEMES.group, ATTACKS.group) for point in entry_points(group=group)]
    return {point.dist.name: point.dist.version for point in points if point.dist is not None}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
