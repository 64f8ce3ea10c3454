"""Measurements that go wrong, for workers to import."""

from __future__ import annotations

import os
from typing import Any


def fine(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"status": "done", "twice": 2 * cell["n"]} for cell in cells]


def raises(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if any(cell["n"] == 2 for cell in cells):
        raise ZeroDivisionError("no\nidea")
    return fine(cells)


def dies(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if any(cell["n"] == 2 for cell in cells):
        os._exit(9)
    return fine(cells)
