"""What may be wrong with what owners of classifiers give: one clear line each, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.cli.test_ownership_classifier import NAMED, OWN, run, student, there
from tests.ownership.classifiers.world import KEY
from watermarking.ownership.proof import subkey

if TYPE_CHECKING:
    from tests.ownership.classifiers.world import World

__all__ = ["there"]  # the fixture

VERIFY = ("classifier", "verify")
EMBED = ("classifier", "embed", "inputs.npy")
BESIDE = ("--reference", "innocent.npy")
NAMES = "ABCDEFGHIJ"


def saved(name: str, value: Any) -> str:
    np.save(name, value)
    return name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p * 0.5, "--form logits"),
        (lambda p: np.where(np.arange(10) == 1, np.nan, p), "NaN"),
        (lambda p: p[:, :1] ** 0, "of 1 classes, the mark of 10"),
        (lambda p: p[:0], "0 answers to 400 inputs"),
        (lambda p: p[:50], "50 answers to 400 inputs"),
        (lambda p: p[:, :8] / p[:, :8].sum(1, keepdims=True), "of 8 classes, the mark of 10"),
        (lambda p: p.argmax(1), "holds labels"),
        (lambda p: p[:, :, np.newaxis], "answers are (inputs, classes)"),
    ],
)
def test_answers_that_cannot_be_marked(there: World, change: Any, said: str) -> None:
    answers = saved("bad.npy", change(there.own))
    done = run(*EMBED, answers, "-o", "served.npy", *NAMED)
    assert done.exit_code == 2
    assert said in done.output
    assert done.output.count("\n") == 1
    assert not Path("served.npy").exists()


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("own.npy", *NAMED), "give both ANSWERS and -o"),
        (("own.npy", "-o", "own.npy", "--force", *NAMED), "OUT is ANSWERS"),
        (("own.npy", "-o", "thief.npy", *NAMED), "is there already"),
        (("own.npy", "-o", "x.png", *NAMED), "written as .npy"),
        (("nowhere.npy", "-o", "x.npy", *NAMED), "there is no nowhere.npy"),
        (("own.npy", "-o", "x.npy", "--mark", "my.key", *NAMED[2:]), "mark"),
        (("own.npy", "-o", "x.npy", *NAMED, "--client", ""), "a client is a name"),
        (("own.npy", "-o", "x.npy", *NAMED, "--features", "few.npy"), "400 inputs: give one each"),
        ((*NAMED[2:], "--mark", "new.mark"), "add --n-classes"),
        ((*NAMED, "--asked", "inputs.npy"), "--asked and --own go together"),
        ((*NAMED, "--reference", "own.npy"), "add --asked"),
    ],
)  # fmt: skip
def test_what_cannot_be_embedded(args: tuple[str, ...], said: str) -> None:
    np.save("few.npy", np.zeros((3, 4)))
    done = run(*EMBED, *args)
    assert done.exit_code == 2
    assert said in done.output
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("thief.npy", "inputs.npy", "--own", "served.npy", *NAMED, *BESIDE), "your own model, as given, carries"),
        (("thief.npy", "inputs.npy", *OWN, "--reference", "thief.npy"), "reference 0 carries the mark"),
        (("thief.npy", "inputs.npy", *OWN, "--client", "x", "--name", "y", "--client", "x"), "given twice"),
        (("thief.npy", "inputs.npy", *OWN, "--level", "1e-6"), "--metered: add it"),
        (("thief.npy", "inputs.npy", *OWN, "--metered", "--fpr", "1e-6"), "instead of --fpr"),
        (("thief.npy", "inputs.npy", *OWN, "--metered", "--client", "x", "--client", "y"), "with one key"),
        (("thief.npy", "inputs.npy", *OWN, "--commitment", "x.json"), "add --report"),
        (("thief.npy", "inputs.npy", *OWN, "--report", "r", "--commitment", "my.key"), "cannot be read"),
        (("thief.npy", "inputs.npy", *OWN, "--queries", "401"), "there are 400"),
        (("thief.npy", "inputs.npy", *OWN, "--classes", "two.txt"), "2 names"),
        (("nowhere.onnx", "inputs.npy", *OWN), "nowhere.onnx is no ONNX file"),
        (("thief.npy", "empty", *OWN), "holds no pictures"),
        (("thief.npy", "my.key", *OWN), "holds no inputs"),
        (("my.key", "inputs.npy", *OWN), "no file of answers"),
    ],
)  # fmt: skip
def test_what_cannot_be_verified(there: World, args: tuple[str, ...], said: str) -> None:
    np.save("served.npy", there.marked(subkey(KEY, "digits v1")))
    Path("two.txt").write_text("a\nb\n")
    Path("empty").mkdir()
    done = run(*VERIFY, *args)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert done.output.count("\n") == 1


def test_another_order_of_classes(there: World) -> None:
    answers = student(there)
    done = run(*VERIFY, saved("turned.npy", np.roll(answers, 1, 1)), "inputs.npy", *OWN)
    assert done.exit_code == 2
    assert "another order" in done.output
    order = np.random.default_rng(1).permutation(10)
    lines = [",".join([str(i), *(f"{answers[i, j]:.8f}" for j in order)]) for i in reversed(range(400))]
    Path("named.csv").write_text("\n".join([",".join(["query", *(NAMES[j] for j in order)]), *lines]))
    Path("names.txt").write_text("\n".join(NAMES))
    found = run(*VERIFY, "named.csv", "inputs.npy", *OWN, "--classes", "names.txt", "--json")
    straight = run(*VERIFY, "thief.npy", "inputs.npy", *OWN, "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["p_value"] == pytest.approx(json.loads(straight.stdout)["p_value"], rel=1e-3)


def test_labels_alone_support_no_claim(there: World) -> None:
    Path("labels.csv").write_text("label\n" + "\n".join(NAMES[i] for i in student(there).argmax(1)))
    unnamed = run(*VERIFY, "labels.csv", "inputs.npy", *OWN)
    assert unnamed.exit_code == 2
    assert "--classes" in unnamed.output
    Path("names.txt").write_text("\n".join(NAMES))
    for more in ((), ("--client", "a", "--client", "b"), ("--metered",)):
        found = run(*VERIFY, "labels.csv", "inputs.npy", *OWN, "--classes", "names.txt", *more)
        assert found.exit_code == 1, found.output
        assert "labels alone" in found.output


def test_few_labels_and_missing_answers(there: World) -> None:
    answers = student(there, noise=0.3)
    lines = [json.dumps({NAMES[j]: round(float(row[j]), 4) for j in np.argsort(-row)[:4]}) for row in answers]
    lines[7] = "null"
    Path("few.jsonl").write_text("\n".join(lines))
    Path("names.txt").write_text("\n".join(NAMES))
    found = run(*VERIFY, "few.jsonl", "inputs.npy", *OWN, "--classes", "names.txt")
    assert found.exit_code == 0, found.output
    assert "399 of 400 answers compared" in found.output
    assert "query 7: no answer" in found.output
    assert "names a few classes only" in found.output
    rounded = run(*VERIFY, saved("rounded.npy", answers.round(2)), "inputs.npy", *OWN)
    assert rounded.exit_code == 0, rounded.output


def test_a_stored_pickle_is_not_loaded(there: World) -> None:
    np.save("evil.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    done = run(*VERIFY, "evil.npy", "inputs.npy", *OWN)
    assert done.exit_code == 2
    assert "pickles are not loaded" in done.output
