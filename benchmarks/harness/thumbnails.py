"""Small copies of the photographs that a grid was measured on, for reports made where the files are no longer."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING

from harness.photographs import Photograph, find, load
from watermarking.demo.steps import inline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["MOST", "keep", "thumbnails"]

MOST = 24
"""Pictures of a grid that are shown; the others are counted."""
_WIDTH = 96
_FILE = "pictures.json"
_SHIPPED = ("shipped", "pages")


def keep(folder: Path, pictures: Mapping[str, Photograph]) -> None:
    """Keep small copies of a user's own pictures beside the rows; those of the repository's sets are there anyway."""
    own = [photograph for name, photograph in pictures.items() if "#" in name][:MOST]  # only folders' have a digest
    if not own:
        return
    folder.mkdir(parents=True, exist_ok=True)
    kept = {**_kept(folder), **{photograph.name: _drawn(photograph) for photograph in own}}
    part = folder / f".{_FILE}.part"
    part.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")
    part.replace(folder / _FILE)


def thumbnails(folder: Path, names: Iterable[str]) -> list[tuple[str, str]]:
    """Return names of pictures and their small copies as data addresses, empty where there is none."""
    kept, shipped = _kept(folder), _of_the_repository()
    return [
        (name.partition("#")[0], kept.get(name) or (_drawn(shipped[name]) if name in shipped else ""))
        for name in sorted(names)[:MOST]
    ]


def _kept(folder: Path) -> dict[str, str]:
    path = folder / _FILE
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


@functools.cache
def _of_the_repository() -> dict[str, Photograph]:
    return {photograph.name: photograph for chosen in _SHIPPED for photograph in find(chosen)}


@functools.cache
def _drawn(photograph: Photograph) -> str:
    return inline(load(photograph), _WIDTH)
