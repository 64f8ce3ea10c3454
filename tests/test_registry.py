"""From an id or a configuration to a scheme and back."""

from __future__ import annotations

import json

import pytest

from watermarking.errors import UnknownSchemeError
from watermarking.interface import Scheme
from watermarking.registry import get_config, get_scheme, scheme_class, scheme_ids

BUILT_IN = ("additive", "additive_block", "bound", "dct", "deep", "dwt", "reversible")


def test_built_in_schemes_come_first() -> None:
    assert scheme_ids()[: len(BUILT_IN)] == BUILT_IN


@pytest.mark.parametrize("scheme_id", BUILT_IN)
def test_config_round_trips_through_json(scheme_id: str) -> None:
    scheme = get_scheme({"id": scheme_id, "psnr": 41.5})
    config = json.loads(json.dumps(get_config(scheme)))
    assert config["id"] == scheme_id
    assert get_scheme(config) == scheme
    assert isinstance(scheme, Scheme)
    assert scheme.psnr == 41.5
    assert get_scheme(scheme_id) == scheme_class(scheme_id)()


@pytest.mark.parametrize(
    ("config", "hint"),
    [
        ("dctt", "did you mean 'dct'?"),
        ("zzzzzz", "known are additive"),
        ({"id": "dct", "strenght": 3}, "no field 'strenght'"),
        ({"psnr": 42.0}, "a mapping with an 'id'"),
        ({"id": 7}, "a mapping with an 'id'"),
        (7, "an id or a mapping with an 'id', not 7"),
        (None, "not None"),
    ],
)
def test_mistakes_are_named(config: object, hint: str) -> None:
    with pytest.raises(UnknownSchemeError, match=hint.replace("?", r"\?")):
        get_scheme(config)  # type: ignore[arg-type]


def test_only_a_dataclass_has_a_configuration() -> None:
    with pytest.raises(UnknownSchemeError, match="object is no dataclass"):
        get_config(object())  # type: ignore[arg-type]
