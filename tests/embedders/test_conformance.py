"""Every registered scheme passes the one suite, with no exemptions."""

from __future__ import annotations

import pytest
from conformance import SchemeConformance

from watermarking.registry import scheme_ids


@pytest.mark.parametrize("scheme_id", scheme_ids())
class TestEveryScheme(SchemeConformance):
    """See ``conformance.py``."""
