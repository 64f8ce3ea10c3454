"""Assertions in the suites that tests share say as much as those in the tests."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("conformance")
