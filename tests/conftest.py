"""Assertions in the suites that tests share say as much as those in the tests; torch keeps to one thread a worker."""

from __future__ import annotations

import os

import pytest

# Two workers with two threads each wait for one another: it takes them six times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
pytest.register_assert_rewrite("watermarking.testing")
