"""What all tests share: assertions of the suites rewritten, one thread of torch a worker, what is long first."""

from __future__ import annotations

import os

import pytest

# Two workers with two threads each wait for one another: it takes them six times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
pytest.register_assert_rewrite("watermarking.testing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the pages first: one of them takes minutes, and at the end the other worker would wait for it."""
    items.sort(key=lambda item: item.path.name != "test_pages.py")
