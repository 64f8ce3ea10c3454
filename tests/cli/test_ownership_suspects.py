"""``ownership verify`` and ``attack`` on suspects of every kind: metered, blind, beside controls, in odd ranges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from learnt import colourful, leaky
from PIL import Image
from torch import nn

from tests.ownership.conftest import KEY, OTHER, tiles
from tests.ownership.patterned import Patterned
from watermarking.cli import main
from watermarking.ownership.learnable import LearnableMark
from watermarking.ownership.marks import MARKS, BitsMark
from watermarking.ownership.proof import subkey

BITS = {"id": "bits", "scheme": {"id": "dwt", "psnr": 40.0}}
OWN_KEY = subkey(KEY, "v1")
BASE = ("--name", "v1", "-k", "my.key")
MARKED = (*BASE, "--mark", json.dumps(BITS))


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATERMARKING_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    KEY.save("my.key")
    OTHER.save("other.key")


def run(*args: Any) -> Result:
    return CliRunner().invoke(main, ["ownership", *map(str, args)])


def saved(pictures: list[Any], folder: str) -> str:
    Path(folder).mkdir(parents=True)
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(f"{folder}/{i}.png")
    return folder


def exported(module: nn.Module, path: str, channels: int = 3, outputs: tuple[str, ...] = ("y",)) -> str:
    axes = {2: "h", 3: "w"}
    torch.onnx.export(
        module.eval(), (torch.rand(1, channels, 32, 32),), path, input_names=["x"], output_names=list(outputs),
        dynamo=False, dynamic_axes={"x": axes},
    )  # fmt: skip
    return path


class Odd(nn.Module):
    """Answers in [-1, 1] and BGR, with a mask first; adds red where it sees it."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.mean(1, keepdim=True) + 5, torch.cat([x[:, :2], -x[:, 2:]], 1)


def test_a_metered_suspect() -> None:
    own, mark = colourful(6), LearnableMark()
    saved(own, "own")
    saved([leaky(mark, OWN_KEY)(one) for one in own], "suspect")
    found = run("verify", "suspect", "--own", "own", *BASE, "--metered", "--level", 1e-4, "--report", "proof")
    assert found.exit_code == 0, found.output
    assert "they carry the mark (e = " in found.output
    assert "it ended for: enough evidence" in found.output
    assert "1 asked, e = " in found.output
    checked = run("report", "proof", "--fpr", 1e-4)
    assert checked.exit_code == 0
    assert "the mark is there (e = " in checked.output
    assert json.loads(run("report", "proof", "--json").output)["e_value"] >= 1e4
    asked = run("verify", "suspect", "--own", "own", *BASE, "--metered", "--at-most", 1, "--level", 1e-30, "--json")
    record = json.loads(asked.output)
    assert asked.exit_code == 1
    assert (record["queries"], record["compared"]) == (1, 1)
    assert record["stopped"] == "as many queries as allowed"
    assert record["e_value"] == pytest.approx(1 / record["p_value"])
    assert run("verify", "own", "--own", "own", *BASE, "--metered").exit_code == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--own", "own", "--level", 0.1), "are for --metered"),
        (("--metered",), "add --own"),
        (("--own", "own", "--metered", "--control", "own"), "without references and controls"),
        (("--own", "own", "--metered", "--fpr", 0.1), "give that instead of --fpr"),
        (("--own", "own", "--metered"), "'bits' cannot be gathered query by query"),
        ((), "'bits' cannot be read blind"),
        (("--own", "own", "--control", "own"), "for a level of 0.01 give 99 models"),
        (("--own", "own", "--controls", "own"), "holds no ONNX files and no folders"),
        (("--own", "own", "--range", 1, 0), "give two values, the darker one first"),
    ],
)
def test_one_clear_line(args: tuple[Any, ...], said: str) -> None:
    saved(tiles(2), "own")
    done = run("verify", "own", *args, *MARKED)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_controls_beside_the_key() -> None:
    own = tiles(3)
    saved(own, "own")
    saved([BitsMark(scheme=BITS["scheme"]).mark(one, key=OWN_KEY) for one in own], "suspect")
    for shift in (1, 2, 3):
        saved([np.roll(one, shift, 1) for one in own], f"controls/{shift}")
    args = ("verify", "suspect", "--own", "own", *MARKED, "--controls", "controls", "--control-level", 0.25)
    found = run(*args, "--report", "proof")
    assert found.exit_code == 0, found.output
    assert "beside 3 models that never saw it p = 0.25" in found.output
    record = json.loads(run(*args, "--json").output)
    assert (record["control_p_value"], record["controls"]) == (0.25, 3)
    checked = run("report", "proof")
    assert checked.exit_code == 0
    assert "beside 3 models that never saw it p = 0.25" in checked.output
    assert json.loads(run("report", "proof", "--json").output)["controls"] == 3


def test_a_suspect_is_read_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARKS, "patterned", "tests.ownership.patterned:Patterned")
    saved([Patterned().mark(one, key=OWN_KEY) for one in tiles(3)], "suspect")
    for key, status in (("my.key", 0), ("other.key", 1)):
        found = run("verify", "suspect", "--name", "v1", "-k", key, "--mark", "patterned")
        assert found.exit_code == status, found.output
        assert "3 of 3 answers compared" in found.output


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own exporter
def test_a_model_in_its_own_range_order_and_output() -> None:
    """The owner's answers are a folder, for which nothing of that holds."""
    queries = tiles(2)
    saved(queries, "queries")
    expected = [one.copy() for one in queries]
    for one in expected:
        one[..., 0] = 255 - one[..., 0]
    saved(expected, "own")
    exported(Odd(), "suspect.onnx", outputs=("mask", "clean"))
    base = ("verify", "suspect.onnx", "--own", "own", "--queries", "queries", *MARKED, "--json")
    how = ("--suspect-range", -1, 1, "--suspect-channels", "bgr")
    for pick in (1, "clean", -1):
        found = run(*base, *how, "--suspect-pick", pick)
        assert found.exit_code == 1, found.output
        record = json.loads(found.output)
        assert (record["compared"], record["p_value"]) == (2, 1.0)
    unsaid = run(*base)
    assert unsaid.exit_code == 2
    assert "say with output which is the picture" in unsaid.output
    grey = run(*base, "--channels", "grey", "--pick", 1)
    assert grey.exit_code == 2
    assert "failed" in grey.output


def test_twelve_bits_on_one_side() -> None:
    own = [one[..., 0] for one in tiles(3)]
    saved(own, "own")
    saved([np.rint(one / 255 * 4095).astype(np.uint16) for one in own], "suspect")
    base = ("verify", "suspect", "--own", "own", *MARKED)
    unsaid = run(*base)
    assert unsaid.exit_code == 2
    assert "say what white is" in unsaid.output
    for option in ("--peak", "--suspect-peak"):
        found = run(*base, option, 4095)
        assert "3 of 3 answers compared" in found.output


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own exporter
def test_a_thief_asks_the_model_itself() -> None:
    saved([one[:96, :96] for one in tiles(3)], "inputs")
    exported(Odd(), "model.onnx", outputs=("mask", "clean"))
    args = ("attack", "inputs", "model.onnx", "-o", "stolen", "--ask", "inputs", "--network", "cnet", "--steps", 2)
    done = run(*args, "--range", -1, 1, "--channels", "bgr", "--answers-pick", "clean")
    assert done.exit_code == 0, done.output
    assert "trained on 3 pairs, 3 answers written" in done.output
    failed = run(*args[:4], "other", *args[5:])
    assert failed.exit_code == 2
    assert "the model model.onnx answered none of inputs" in failed.output
    assert "say with output which is the picture" in failed.output


def test_pairs_of_two_sizes_are_refused() -> None:
    saved(tiles(2, 96), "inputs")
    saved(tiles(2, 64), "answers")
    done = run("attack", "inputs", "answers", "-o", "stolen", "--ask", "inputs")
    assert done.exit_code == 2
    assert "the answer to 0 is 64x64, the input 96x96" in done.output


def test_targets_that_are_none_and_blank_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARKS, "patterned", "tests.ownership.patterned:Patterned")
    saved([*tiles(2), np.zeros((64, 64, 3), np.uint8)], "own")
    none = run("protect", "own", "-o", "served", *MARKED, "--targets", "target/*")
    assert none.exit_code == 2
    assert "is a target by 'target/*'" in none.output
    assert not Path("served").exists()
    done = run("protect", "own", "-o", "served", *BASE, "--mark", "patterned", "--workers", 1)
    assert done.exit_code == 2
    assert "2.png: the mark left it as it was" in done.output
    assert "served: 2 marked, 1 copied, 1 of them could not be marked" in done.output
