"""Suites that schemes and attacks must pass, whoever wrote them: subclass one in a test of yours.

Needs the extra ``testing`` (pytest, hypothesis). What is installed through an entry point is found by its id:

    import pytest
    from watermarking.testing import AttackConformance, SchemeConformance

    @pytest.mark.parametrize("scheme_id", ["scatter"])
    class TestMyScheme(SchemeConformance):
        pass

    @pytest.mark.parametrize("attack_id", ["invert"])
    class TestMyAttack(AttackConformance):
        pass
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from watermarking.extras import needed

if TYPE_CHECKING:
    from watermarking.testing.attacks import AttackConformance as AttackConformance
    from watermarking.testing.schemes import SchemeConformance as SchemeConformance

__all__ = ["AttackConformance", "SchemeConformance"]

_MODULES = {"AttackConformance": "attacks", "SchemeConformance": "schemes"}


def __getattr__(name: str) -> Any:
    """Load a suite, after telling pytest to say what its assertions compared."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    pytest = needed("pytest", "testing")
    needed("hypothesis", "testing")
    pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in ("attacks", "payloads", "restoring", "schemes")))
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
