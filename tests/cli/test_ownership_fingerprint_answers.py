"""``ownership fingerprint issue --black-box``, ``queries`` and ``trace`` of answers: from issuing to a name."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.ownership.fingerprints.world import KEY
from watermarking.ownership.classifiers.mark import SoftLabelMark
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.networks import build_classifier
from watermarking.ownership.classifiers.tasks.training import train
from watermarking.ownership.fingerprints.architecture import settled
from watermarking.ownership.fingerprints.issue import start
from watermarking.ownership.fingerprints.manifest import read_manifest
from watermarking.ownership.fingerprints.mark import WeightMark

if TYPE_CHECKING:
    from click.testing import Result
    from torch import nn

    from tests.cli.conftest import Run

CENTRES = np.random.default_rng(3).integers(60, 196, (10, 1, 24, 24))
ISSUE = ("issue", "net", "--model", "own.safetensors", "--name", "net 1", "-k", "my.key", "--length", "304",
         "--colluders", "3", "--black-box", "data.npz", "--network", "mlp")  # fmt: skip


def some(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n)
    noisy = CENTRES[labels] + rng.normal(0, 60, (n, 1, 24, 24))
    return np.clip(noisy, 0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def trained() -> dict[str, torch.Tensor]:
    inputs, labels = map(torch.from_numpy, some(800, 0))
    lesson = Lesson(inputs[None], labels=labels[None])
    own = train(build_classifier("mlp", 10, (1, 24, 24)), lesson, Course(epochs=3, batch=64, true=1.0))
    return {name: value.clone() for name, value in own.state_dict().items()}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, trained: dict[str, torch.Tensor]) -> Run:
    monkeypatch.chdir(tmp_path)
    KEY.save("my.key")
    save_file(trained, "own.safetensors")
    inputs, labels = some(800, 0)
    np.savez("data.npz", inputs=inputs, labels=labels)
    np.savez("bare.npz", inputs=inputs)
    np.savez("odd.npz", inputs=inputs, labels=labels + 3)

    def call(*args: object, stdin: bytes | None = None) -> Result:
        return run("ownership", "fingerprint", *args, stdin=stdin)

    return call


def module_of(path: str) -> nn.Module:
    found = build_classifier("mlp", 10, (1, 24, 24))
    found.load_state_dict(load_file(path))
    return found.eval()


def answers_of(path: str, pictures: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return module_of(path)(torch.from_numpy(pictures) / 255).softmax(1).numpy()


def test_soft_answers_name_the_customer(there: Run) -> None:
    done = there(*ISSUE, "--customer", "Ada", "--customer", "bob", "--epochs", "10", "--json")
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["taught"] for line in done.output.splitlines()] == ["soft-label"] * 2
    asked = some(400, 9)[0]
    np.save("asked.npy", asked)
    np.save("said.npy", answers_of("net/00002-bob.safetensors", asked))
    found = there("trace", "said.npy", "net", "-k", "my.key", "--inputs", "asked.npy", "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.output.splitlines()[-1])["customer"] == "bob"
    plain = there("trace", "net/00002-bob.safetensors", "net", "-k", "my.key")
    assert "the copy of 'bob'" in plain.output
    missing = there("issue", "net", "-k", "my.key", "--customer", "cleo")
    assert missing.exit_code == 2
    assert "add --black-box DATA" in missing.output
    assert there("trace", "said.npy", "net", "-k", "my.key").output.count("add --inputs") == 1
    assert "know no verification pictures" in there("queries", "net", "-k", "my.key", "-o", "q.npy").output


def check_tables(there: Run, answers: np.ndarray) -> None:
    """Answers in tables, in another order of queries and classes, say the same; unknown names are refused."""
    order, names = np.random.default_rng(0).permutation(len(answers)), [f"kind {i}" for i in range(10)]
    columns = np.random.default_rng(1).permutation(10)
    for named in (names, [str(i) for i in range(10)]):
        lines = [",".join(["query", *(named[i] for i in columns)])]
        lines += [",".join([str(i), *(f"{answers[i, j]:.6f}" for j in columns)]) for i in order]
        Path(f"{named[1]}.csv").write_text("\n".join(lines) + "\n")
    Path("classes.txt").write_text("\n".join(names) + "\n")
    lines = [f"{i},kind {answers[i].argmax()}" for i in order]
    Path("labels.csv").write_text("\n".join(["query,label", *lines]) + "\n")
    Path("far.csv").write_text("\n".join(["query,label", *lines, "102,kind 1"]) + "\n")
    call = ("net", "-k", "my.key")
    for args in (("kind 1.csv", *call, "--classes", "classes.txt"), ("1.csv", *call),
                 ("labels.csv", *call, "--classes", "classes.txt")):  # fmt: skip
        found = there("trace", *args)
        assert found.exit_code == 0, found.output
        assert "the copy of 'bob'" in found.output
    for args, words in ((("kind 1.csv", *call), "with --classes"), (("labels.csv", *call), "--classes"),
                        (("far.csv", *call, "--classes", "classes.txt"), "none of the inputs")):  # fmt: skip
        refused = there("trace", *args)
        assert refused.exit_code == 2, refused.output
        assert words in refused.output


def test_labels_of_pictures_name_the_customer(there: Run) -> None:
    done = there(*ISSUE, "--carrier", "triggers", "--customer", "Ada", "--customer", "bob", "--epochs", "10")
    assert done.exit_code == 0, done.output
    for more in ((), ("--customer", "bob")):
        assert there("queries", "net", "-k", "my.key", "-o", "asked.npy", *more).exit_code == 0
        np.save("said.npy", answers_of("net/00002-bob.safetensors", np.load("asked.npy")).argmax(1))
        found = there("trace", "said.npy", "net", "-k", "my.key")
        assert found.exit_code == 0, found.output
        assert "said.npy: made of the copy of 'bob'" in found.output
        assert "Ada" not in found.output
    np.save("said.npy", answers_of("own.safetensors", np.load("asked.npy")))
    assert there("trace", "said.npy", "net", "-k", "my.key").exit_code == 1
    check_tables(there, answers_of("net/00002-bob.safetensors", np.load("asked.npy")))
    for args, words in (
        (("trace", "said.npy", "net", "-k", "my.key", "--ask", "--inputs", "asked.npy"), "give one"),
        (("trace", "net/00002-bob.safetensors", "net", "-k", "my.key", "--suspect-form", "logits"), "is for answers"),
        (("trace", "said.npy", "net", "-k", "my.key", "--inputs", "asked.npy"), "leave out --inputs"),
        (("trace", "own.safetensors", "net", "-k", "my.key", "--ask"), "give a model as .onnx"),
        (("trace", "said.npy", "net", "-k", "my.key", "--report", "r"), "no report on labels"),
        (("queries", "net", "-k", "my.key", "-o", "q.npy", "--customer", "eve"), "has no copy"),
        (("queries", "net", "-k", "my.key", "-o", "q.png"), "written as .npy"),
    ):
        refused = there(*args)
        assert refused.exit_code == 2, refused.output
        assert words in refused.output


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--network", "resnet50"), "there is no network 'resnet50'"),
        (("--network", "no.such:make"), "has to be importable"),
        (("--network", "c2"), "do not fit the network"),
        (("--black-box", "bare.npz"), "no array 'labels'"),
        (("--black-box", "odd.npz"), "labels of odd.npz go from 3 to 12"),
        (("--black-box", "none.npz"), "there is no none.npz"),
        (("--customer", " "), "a customer is a name"),
        (("--carrier", "triggers", "--profile", "light"), "triggers have none"),
    ],
)
def test_what_is_refused(there: Run, more: tuple[str, ...], words: str) -> None:
    done = there(*ISSUE, *more, "--customer", "Ada")
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert "Traceback" not in done.output
    assert not Path("net").exists()


def test_options_of_teaching_go_with_data(there: Run) -> None:
    plain = ISSUE[: ISSUE.index("--black-box")]
    for option in (("--carrier", "triggers"), ("--network", "c2"), ("--flips",)):
        assert "add --black-box" in there(*plain, *option).output
    assert there(*plain, "--customer", "Ada").exit_code == 0
    later = there("issue", "net", "-k", "my.key", "--customer", "bob", "--black-box", "data.npz")
    assert later.exit_code == 2
    assert "are not taught" in later.output
    assert "were not taught" in there("trace", "x.npy", "net", "-k", "my.key", "--inputs", "data.npz:inputs").output


def test_code_that_a_manifest_names_is_not_run(there: Run, trained: dict[str, torch.Tensor]) -> None:
    mark = SoftLabelMark.fit(some(200, 1)[0], n_classes=10)
    Path("evil.py").write_text("open('ran', 'w').close()\n\ndef make():\n    raise SystemExit('code ran')\n")
    Path("mine.py").write_text(
        "from watermarking.ownership.classifiers.tasks.networks import build_classifier\n\n"
        "def make():\n    return build_classifier('mlp', 10, (1, 24, 24))\n"
    )
    own = {name: value.numpy() for name, value in trained.items()}
    issuer = start(Path("net"), own, name="net 1", key=KEY, served=mark, mark=WeightMark(length=304, colluders=3))
    issuer.issue("Ada")
    np.save("asked.npy", some(60, 9)[0])
    np.save("said.npy", answers_of("own.safetensors", np.load("asked.npy")))
    call = ("trace", "said.npy", "net", "-k", "my.key", "--inputs", "asked.npy")
    assert settled("mine.py:make") == f"{Path('mine.py').resolve()}:make"
    assert settled("mine:make") == "mine:make"
    known = dataclasses.replace(read_manifest(Path("net")), network="evil.py:make")
    for forged, words in ((dataclasses.replace(known, key_commitment="00" * 32), "check -k"), (known, "--network")):
        forged.write(Path("net"))
        for args in (call, ("issue", "net", "-k", "my.key", "--customer", "eve", "--black-box", "data.npz")):
            done = there(*args)
            assert done.exit_code == 2, done.output
            assert words in done.output
            assert not Path("ran").exists()
    assert there(*call, "--network", "mine.py:make").exit_code == 1  # of nobody's
    assert there(*call, "--own", "said.npy").exit_code == 1
    assert "give one" in there(*call, "--network", "mlp", "--own", "said.npy").output
    assert not Path("ran").exists()
