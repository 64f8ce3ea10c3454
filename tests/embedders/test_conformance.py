"""Every registered scheme passes the one suite, with no exemptions."""

from __future__ import annotations

import pytest

from watermarking.registry import scheme_ids
from watermarking.testing import SchemeConformance


@pytest.mark.parametrize("scheme_id", scheme_ids())
class TestEveryScheme(SchemeConformance):
    """See ``watermarking.testing``."""
