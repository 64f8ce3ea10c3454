from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermarking.attacks import Attack, attack_ids, describe, parse_attack, registry
from watermarking.attacks.chains import chain
from watermarking.attacks.formats import Jpeg
from watermarking.attacks.geometry import Flip, Resize
from watermarking.errors import UnknownAttackError


class Flipped(Attack):
    """Turn the picture into its negative."""

    id = "flipped"
    family = "values"

    def apply(self, pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return 255 - pixels


def test_text_form() -> None:
    assert parse_attack("jpeg") == Jpeg()
    assert parse_attack("jpeg(50)") == parse_attack("jpeg(quality=50, subsampling=420)") == Jpeg(50, 420)
    assert str(Jpeg(50)) == "jpeg(quality=50, subsampling=420)"
    assert Jpeg(50).label == "jpeg(quality=50)"
    assert parse_attack("shift(-3.5, y=+2)").label == "shift(x=-3.5, y=2.0)"
    assert parse_attack("overlay_text('a\\'b | (c)\\n')").text == "a'b | (c)\n"


def test_chains_are_flat() -> None:
    made = chain(Resize(0.8), chain(Jpeg(75), Flip()))
    assert parse_attack("resize(0.8) | jpeg(75) | flip") == made
    assert parse_attack("chain(resize(0.8), jpeg(75) | flip())") == made
    assert parse_attack(str(made)) == made
    assert made.label == "resize(scale=0.8) | jpeg | flip"
    assert made.geometric
    assert not parse_attack("noise | jpeg").geometric


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("jpg(50)", "did you mean 'jpeg'"),
        ("rotat", "'rotate'"),
        ("jpeg(qualty=50)", "did you mean 'quality'"),
        ("jpeg(500)", "from 1 to 100"),
        ("jpeg(50.5)", "whole number"),
        ("jpeg(True)", "from 1 to 100"),
        ("jpeg('50')", "from 1 to 100"),
        ("jpeg(subsampling=421)", "must be one of 420, 422, 444, not 421"),
        ("rotate(fit='gro')", "did you mean grow"),
        ("resize(restore=1)", "must be a bool"),
        ("overlay_text(3)", "must be a str"),
        ("jpeg(50, 420, 3)", "2 parameters"),
        ("jpeg(50, quality=40)", "given twice"),
        ("jpeg(50, 50, **{})", "no parameter None"),
        ("jpeg(*[50])", "is no attack"),
        ("jpeg(1e999)", "from 1 to 100"),
        ("noise(1e999)", "from 0.0 to 255.0"),
        ("", "cannot parse"),
        ("jpeg(", "cannot parse"),
        ("\0", "cannot parse"),
        ("jpeg;noise", "cannot parse"),
        ("jpeg & noise", "is no attack"),
        ("__import__('os').system('true')", "is no attack"),
        ("(lambda: 1)()", "is no attack"),
        ("jpeg(quality=open('x'))", "is no attack"),
        ("chain()", "at least one attack"),
        ("chain(a=1)", "no attack has the id 'chain'"),
        ("x" * 5000, "at most 2000 characters"),
        ("(" * 900 + ")" * 900, ""),
        ("-" * 1900 + "1", ""),
    ],
)
def test_faults_are_named(text: str, part: str) -> None:
    with pytest.raises(UnknownAttackError) as caught:
        parse_attack(text)
    assert part in str(caught.value)
    assert len(str(caught.value)) < 1000


@given(st.text(max_size=60) | st.text(alphabet="jpeg(50,)|=.'*- ", max_size=40))
def test_any_text_is_an_attack_or_an_error(text: str) -> None:
    try:
        attack = parse_attack(text)
    except UnknownAttackError:
        return
    assert parse_attack(str(attack)) == attack


def test_third_parties(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("flipped", f"{__name__}:Flipped", registry.ATTACKS.group),
        EntryPoint("broken", "no_such_module:Attack", registry.ATTACKS.group),
        EntryPoint("other", f"{__name__}:Flipped", registry.ATTACKS.group),
        EntryPoint("jpeg", f"{__name__}:Flipped", registry.ATTACKS.group),
    ]

    def listed(group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in points if point.group == group and name in (None, point.name)]

    monkeypatch.setattr("watermarking.registry.entry_points", listed)
    assert attack_ids()[-3:] == ("broken", "flipped", "other")
    monkeypatch.setattr(EntryPoint, "load", lambda point: Flipped if "no_such" not in point.value else 1 / 0)
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(parse_attack("flipped | flipped")(image, rng=np.random.default_rng(0)), image)
    assert describe("flipped").startswith("flipped (values): Turn the picture")
    assert parse_attack("jpeg") == Jpeg()
    with pytest.raises(UnknownAttackError, match="cannot be loaded: division by zero"):
        parse_attack("broken")
    with pytest.raises(UnknownAttackError, match="is no attack of that id"):
        parse_attack("other")


def test_importing_the_registry_is_light() -> None:
    code = (
        "import sys, watermarking.attacks as a; a.parse_attack('jpeg | rotate | blur | erase | clip_peaks');"
        "print(sorted({'cv2', 'scipy', 'PIL', 'skimage', 'numba'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
