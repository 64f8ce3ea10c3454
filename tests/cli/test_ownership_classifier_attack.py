"""``watermarking ownership classifier attack``: thieves on the command line, few steps each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.test_ownership_classifier import run
from watermarking.ownership.classifiers.removal.needs import needs_of, scaled_down
from watermarking.ownership.classifiers.removal.registry import REMOVALS, get_removal

N, CLASSES = 240, 3
STEAL = ("--steal", '{"id": "distil", "epochs": 4}')
ARGS = ("classifier", "attack", "inputs.npy", "answers.npy", "-o", "stolen", "--ask", "asked.npy", *STEAL)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    centres = rng.integers(40, 216, (CLASSES, 8, 8))
    for inputs, labels, answers in (("inputs", "labels", "answers"), ("asked", "asked-labels", "own")):
        classes = rng.integers(0, CLASSES, N)
        pictures = np.clip(centres[classes] + rng.normal(0, 30, (N, 8, 8)), 0, 255).astype(np.uint8)
        np.save(f"{inputs}.npy", pictures)
        np.save(f"{labels}.npy", classes)
        np.save(f"{answers}.npy", np.eye(CLASSES, dtype=np.float32)[classes] * 0.85 + 0.05)
    return tmp_path


@pytest.mark.usefixtures("place")
def test_what_removals_cost_is_told() -> None:
    truth = ("--labels", "labels.npy", "--ask-labels", "asked-labels.npy", "--own", "own.npy")
    done = run(*ARGS, *truth, "--network", "mlp", "--removal", "pruned 90 %", "--removal", "served: top 1", "--json")
    assert done.exit_code == 0, done.output
    stolen, pruned, served = map(json.loads, done.stdout.splitlines())
    assert stolen["accuracy"] > 0.9
    assert stolen["cost"] == pytest.approx(1 - stolen["accuracy"])
    assert pruned["cost"] == pytest.approx(stolen["accuracy"] - pruned["accuracy"])
    assert served["cost"] == 0
    answers = np.load(served["target"])
    assert answers.shape == (N, CLASSES)
    assert np.allclose(answers.sum(1), 1)
    assert np.allclose(np.sort(answers, 1)[:, 0], np.sort(answers, 1)[:, 1])  # of the top one alone something is said
    assert (np.load(pruned["target"]) != np.load(stolen["target"])).any()


@pytest.mark.usefixtures("place")
def test_without_labels_and_with_an_accomplice() -> None:
    done = run(*ARGS, "--network", "mlp", "--removal", "two stolen")
    assert done.exit_code == 0, done.output
    assert "stolen/two-stolen.npy: two stolen, 240 answers\n" in done.output
    alone = run(*ARGS[:5], "alone", *ARGS[6:], "--network", "mlp")
    assert alone.exit_code == 0
    files = [next(Path(folder).glob("id-distil*.npy")) for folder in ("stolen", "alone")]
    assert np.array_equal(*map(np.load, files))  # an accomplice changes nothing about the first


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--removal", "fine-tuned, last, 0.001"), "add --labels"),
        (("--removal", "stolen and clean"), "add --labels"),
        (("--removal", "transferred"), "in Python alone"),
        (("--removal", "two clients"), "in Python alone"),
        (("--removal", "magic"), "no removal 'magic'"),
        (("--removal", "{"), "is no JSON"),
        (("--removal", '{"id": "prune", "share": 2}'), "share of 2 cannot be pruned"),
        (("--steal", "4 bit"), "steals none"),
        (("--labels", "few.npy"), "3 labels of 240 inputs"),
        (("--ask-labels", "answers.npy"), "is array"),
        (("--ask", "other.npy"), "other inputs than"),
    ],
)
def test_what_cannot_be_tried(more: tuple[str, ...], said: str) -> None:
    np.save("few.npy", np.arange(3))
    np.save("other.npy", np.zeros((20, 9, 9), np.uint8))
    done = run(*ARGS, *more)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert done.output.count("\n") == 1
    assert not Path("stolen").exists()


def test_all_removals_are_listed() -> None:
    done = run("classifier", "attack", "--list")
    assert done.exit_code == 0
    assert [line.partition("  (")[0] for line in done.output.splitlines()] == list(REMOVALS)


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("distilled, T = 1", set()),
        ("distilled, half true labels", {"labels"}),
        ("distilled, mixed queries", {"outside"}),
        ("distilled with a clean teacher", {"clean"}),
        ("pruned 50 %", set()),
        ("pruned 50 %, tuned", {"labels"}),
        ("dehydrated", {"labels"}),
        ("transferred and back", {"labels", "other"}),
        ("two clients", {"client"}),
    ],
)
def test_what_removals_need(name: str, needs: set[str]) -> None:
    assert needs_of(get_removal(name)) == needs


def test_removals_are_brought_down_to_what_there_is() -> None:
    found: Any = scaled_down(get_removal("distilled, 10k queries"), 100)
    assert found.n == 100
    assert scaled_down(get_removal("4 bit"), 100) is get_removal("4 bit")
