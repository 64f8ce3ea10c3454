"""Imports point downwards, heavy libraries are loaded late: design.md, section 2."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[1] / "watermarking"
LAYERS = (
    {"cli", "__main__"},
    {"datasets", "demo", "ownership", "testing", "web"},
    {"attacks"},
    {"messages"},
    {"registry"},
    {"embedders", "sync", "deep", "metrics"},
    {"pictures", "codes"},
    {"transforms"},
    {"extras", "kernels", "keys", "significance", "steps", "threads"},
    {"interface"},
    {"errors"},
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
DEEP_LAYERS = (
    {"training"},
    {"export", "logo", "scheme"},
    {"weights"},
    {"adapter", "fit", "regeneration", "scramble"},
    {"networks"},
    {"devices", "tensors"},
)
DEEP_RANK = {name: rank for rank, layer in enumerate(DEEP_LAYERS) for name in layer}
TORCH_AT_TOP = {"deep", "ownership"}
LIGHT = ("__init__", "__main__", "errors", "interface", "keys", "registry", "cli")
HEAVY = {"numpy", "scipy", "numba", "cv2", "torch", "pywt", "PIL"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit_of(module: str) -> str:
    """Return the part of the package that a module belongs to, its own root being ``__init__``."""
    return module.split(".")[1] if "." in module else "__init__"


def imports(path: Path, *, at_run_time: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield every imported module and whether it is imported when ``path`` is."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]

    def visit(node: ast.AST, top: bool, typing: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.Import) and not typing:
            yield from ((alias.name, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not typing:
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source, top
            yield from ((f"{source}.{alias.name}", top) for alias in node.names if source.startswith("watermarking"))
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        guard = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, top and not inside, typing or (guard and child not in node.orelse))

    for module, top in visit(ast.parse(path.read_text("utf-8")), True, False):
        if top or not at_run_time:
            yield module, top


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path: Path) -> None:
    here = unit_of(name_of(path))
    if here == "__init__":
        return
    assert here in RANK, f"{here} has no place in the layers of design.md: give it one here and there"
    for module, _ in imports(path):
        there = unit_of(module)
        if module.startswith("watermarking.") and there != here and there in RANK:
            assert RANK[there] >= RANK[here], f"{name_of(path)} imports {module}, which is above it"


@pytest.mark.parametrize("path", sorted((PACKAGE / "deep").rglob("*.py")), ids=name_of)
def test_imports_inside_deep_point_downwards(path: Path) -> None:
    """Nothing below training imports it, nothing below the networks' users the networks' users."""
    here, inside = name_of(path).split(".")[2:3], "watermarking.deep."
    for module, _ in imports(path):
        there = module.removeprefix(inside).split(".")[0]
        if here and module.startswith(inside) and there != here[0]:
            assert here[0] in DEEP_RANK, f"{here[0]} has no place in the layers of deep/: give it one"
            assert DEEP_RANK[there] >= DEEP_RANK[here[0]], f"{name_of(path)} imports {module}, which is above it"


def test_no_two_parts_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        below = {unit_of(module) for module, _ in imports(path) if module.startswith("watermarking.")}
        here = unit_of(name_of(path))
        if here != "__init__":
            graph.setdefault(here, set()).update((below & RANK.keys()) - {here})
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError, which names the cycle


@pytest.mark.parametrize("path", sorted((PACKAGE / "kernels").glob("*.py")), ids=name_of)
def test_kernels_import_nothing_of_ours(path: Path) -> None:
    ours = {unit_of(module) for module, _ in imports(path) if module.startswith("watermarking")}
    assert ours <= {"kernels"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_torch_is_imported_late(path: Path) -> None:
    if unit_of(name_of(path)) not in TORCH_AT_TOP:
        assert "torch" not in {module.split(".")[0] for module, _ in imports(path, at_run_time=True)}


@pytest.mark.parametrize("path", [path for path in MODULES if unit_of(name_of(path)) in LIGHT], ids=name_of)
def test_light_modules_import_heavy_ones_late(path: Path) -> None:
    assert not HEAVY & {module.split(".")[0] for module, _ in imports(path, at_run_time=True)}


HELP = """
import contextlib, runpy, sys
sys.argv = ["watermarking", "--help"]
with contextlib.suppress(SystemExit):
    runpy.run_module("watermarking", run_name="__main__")
"""


@pytest.mark.parametrize(
    "statement",
    [
        "import watermarking",
        "import watermarking as wm; wm.Key.generate().derive('x').commitment; wm.scheme_ids(); wm.CapacityError",
        "import watermarking.cli",
        HELP,
    ],
    ids=["package", "names", "cli", "help"],
)
def test_heavy_libraries_stay_unloaded(statement: str) -> None:
    code = f"{statement}\nimport sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
