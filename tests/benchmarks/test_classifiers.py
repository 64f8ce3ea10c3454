"""Thieves of classifiers: groups in order, answers that are stored and read, training that stops in time, and rows."""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("watermarking.ownership.classifiers.mark")

import classifiers
from harness.classifiers.cells import BASE, CLEAN, OWNER, Group, groups_of
from harness.classifiers.owner import Owner, key_of
from harness.classifiers.shards import Shards, Trained
from harness.classifiers.tables import null_table, removal_table
from harness.classifiers.tasks import TASKS, task_of
from harness.classifiers.training import Trainer, path_of, train_groups
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.registry import REMOVALS
from watermarking.ownership.classifiers.tasks.engine import Engine

SCRIPT = Path(__file__).parents[2] / "benchmarks/classifiers.py"
BLOCKED = "import sys; sys.modules.update(dict.fromkeys({names!r}))\nimport runpy\nsys.argv = {arguments!r}\n"
ABSENT = ("pywt", "av", "typer", "click", "simplejpeg", "rich", "jinja2", "skimage", "pyarrow", "h5py", "ray")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers of the small list on small patterns."""
    folder = tmp_path_factory.mktemp("answers")
    owner = Owner("patterns", Engine(), folder / "kept")
    assert train_groups(groups_of("patterns", small=True), owner, Shards(path_of(folder, "patterns")), n=240) == 0
    return folder


def test_the_grid_has_everything_in_order() -> None:
    groups = groups_of("fashion")
    assert len({group.name for group in groups}) == len(groups)
    assert {group.removal for group in groups if group.start == "wrapper"} >= REMOVALS.keys()
    clean = [group for group in groups if group.removal == CLEAN]
    assert sum(len(group.pairs) for group in clean) >= 20
    assert sum(len(group.pairs) for group in groups if group.start == "unmarked") >= 10
    seeds = [pair for group in groups if group.start in ("nobody", "unmarked") for pair in group.pairs]
    assert len(set(seeds)) == len(seeds)
    assert [group.removal for group in groups[:3]] == [OWNER, "references", "smoothed references"]
    stolen = [group for group in groups if group.start in ("wrapper", "embedded")]
    assert {len(group.pairs) for group in stolen if group.profile == "standard" and group.network == "c2"} == {30}
    assert min(len(group.pairs) for group in stolen) == 10
    for task in TASKS:
        for group in (*groups_of(task), *groups_of(task, small=True)):
            cells = list(group.cells())
            assert len(cells) == len(group.pairs)
            assert cells[0]["config"] == group.config


def test_a_thin_grid_has_every_group_and_all_unmarked_models() -> None:
    whole, thin = groups_of("fashion"), groups_of("fashion", keys=range(3), seeds=range(1))
    assert [(g.start, g.removal, g.network, g.profile) for g in thin] == [
        (g.start, g.removal, g.network, g.profile) for g in whole
    ]
    assert {g.pairs == w.pairs for g, w in zip(thin, whole, strict=True) if g.start in ("nobody", "unmarked")} == {True}
    stolen = [g.pairs for g in thin if g.start in ("wrapper", "embedded")]
    assert stolen == [[(0, 0), (1, 0), (2, 0)]] * len(stolen)


def test_the_rest_of_a_thin_grid_is_asked_for_without_what_is_there() -> None:
    rest = groups_of("fashion", keys=range(3, 10), seeds=range(1, 3))
    main = next(group for group in rest if group.start == "wrapper")
    assert main.pairs == [(key, seed) for key in range(3, 10) for seed in (1, 2)]
    assert not [group for group in rest if group.profile == "strong"], "they have the first seed alone"


@pytest.mark.parametrize(
    ("text", "keys"), [("3", range(3)), ("3:10", range(3, 10)), (":2", range(2)), ("8:", range(8, 10))]
)
def test_keys_are_so_many_or_those_between(text: str, keys: range) -> None:
    assert classifiers._range(text) == keys


@pytest.mark.parametrize("text", ["0", "-1", "3:2", "-2:", "many", "1:x"])
def test_no_keys_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"none of 0 to 9|is no A:B"):
        classifiers._range(text)


def test_letters_ask_for_nothing_that_they_lack() -> None:
    names = {group.removal for group in groups_of("letters")}
    assert "distilled, T = 10" in names
    assert not names & {"distilled, outside queries", "transferred", "distilled, 50k queries"}


def test_groups_must_exist() -> None:
    with pytest.raises(WatermarkError, match="no start 'wrapper' with 'magic'"):
        Group(task="fashion", start="wrapper", removal="magic")
    with pytest.raises(WatermarkError, match="no task 'birds'"):
        task_of("birds")


def test_answers_are_kept_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, (6, 300, 10)).astype(np.float32)
    answers = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    group = Group(task="patterns", start="wrapper", removal=BASE, keys=(0, 1, 2), seeds=(0, 1))
    about = {"seconds": 1.5, "device": "cpu"}
    Shards(tmp_path).add(group, Trained(answers, [0.5] * 6, [], about))
    shards = Shards(tmp_path)
    found = shards.read(group)
    assert np.abs(found.answers - np.maximum(answers, -24)).max() <= 0.5 / 128 + 1e-5
    assert (found.accuracy, found.before, found.about) == ([0.5] * 6, [], about)
    other = dataclasses.replace(group, network="mlp")
    assert other not in shards
    with pytest.raises(WatermarkError, match="train it first"):
        shards.read(other)


def test_full_files_are_followed_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.classifiers.shards._FULL", 40_000)
    shards, rng = Shards(tmp_path), np.random.default_rng(0)
    groups = [Group(task="patterns", start="wrapper", removal=BASE, keys=(key,), seeds=(0,)) for key in range(6)]
    for group in groups:
        shards.add(group, Trained(-20 * rng.random((1, 1000, 10), np.float32), [0.5], [], {}))
    assert len(list(tmp_path.glob("answers-*.zip"))) > 2
    assert len(Shards(tmp_path)) == 6
    assert all(Shards(tmp_path).read(group).answers.shape == (1, 1000, 10) for group in groups)
    next(iter(tmp_path.glob("answers-*.zip"))).write_bytes(b"PK")
    with pytest.raises(WatermarkError, match="is damaged"):
        Shards(tmp_path)


def test_training_stores_every_group(trained: Path) -> None:
    shards = Shards(path_of(trained, "patterns"))
    groups = groups_of("patterns", small=True)
    assert len(shards) == len(groups)
    by_name = {(group.start, group.removal, group.network): shards.read(group) for group in groups}
    stolen = by_name["wrapper", BASE, "c2"]
    assert stolen.answers.shape == (2, 200, 4)
    assert min(by_name["nobody", OWNER, "c2"].accuracy + stolen.accuracy) > 0.8
    assert not stolen.before
    assert by_name["wrapper", "4 bit", "c2"].before == stolen.accuracy
    assert by_name["embedded", "fine-tuned, all, 0.001", "c2"].before
    assert not np.allclose(stolen.answers[0], stolen.answers[1], atol=0.1)


def test_finished_groups_are_not_trained_again(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    owner = Owner("patterns", Engine(), trained / "kept")
    train_groups(groups_of("patterns", small=True), owner, Shards(path_of(trained, "patterns")), n=240)
    assert "0 of 13 groups to train" in capsys.readouterr().err


def test_nothing_is_begun_that_would_end_too_late(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    owner = Owner("patterns", Engine(), None)
    groups = groups_of("patterns", small=True)
    assert train_groups(groups, owner, Shards(tmp_path), minutes=0.0) == len(groups)
    assert not len(Shards(tmp_path))
    assert "left out" in capsys.readouterr().err


def test_what_is_stolen_is_what_is_compared() -> None:
    owner = Owner("patterns", Engine(), None)
    assert owner.clean(OWNER, "c2", (0,)) is owner.model
    assert owner.clean("references", "c2", (101, 102, 103)) is owner.loot("unmarked", "standard", (0,)).clean


def test_embedded_models_are_the_owners_network(trained: Path) -> None:
    trainer = Trainer(Owner("patterns", Engine(), trained / "kept"), 240)
    with pytest.raises(WatermarkError, match="embedded model is a c2"):
        trainer.train(Group(task="patterns", start="embedded", removal="4 bit", network="mlp", keys=(0,), seeds=(0, 1)))


def test_wrapped_answers_keep_their_first_class(trained: Path) -> None:
    owner = Owner("patterns", Engine(), trained / "kept")
    marked, plain = (owner.loot(start, "strong", (0, 1)).answers for start in ("wrapper", "unmarked"))
    assert marked.shape == (2, 240, 4)
    assert bool((marked.argmax(-1) == plain.argmax(-1)).all())
    assert not np.allclose(marked[0].exp(), marked[1].exp(), atol=1e-2)
    assert key_of(0) != key_of(1)


def judged(trained: Path) -> list[dict[str, Any]]:
    from harness.classifiers.judging import measure_classifiers

    rows = []
    for group in groups_of("patterns", small=True)[3:]:
        cells = list(group.cells())
        results = measure_classifiers(cells, folder=trained, thin={"small": True}, null_keys=20)
        rows += [{**cell, **result} for cell, result in zip(cells, results, strict=True)]
    return rows


def test_rows_and_tables(trained: Path) -> None:
    rows = judged(trained)
    assert {row["status"] for row in rows} == {"done"}
    stolen = next(row for row in rows if row["removal"] == "distilled, T = 3")
    assert len(stolen["p"]["20"]) == 5
    assert all(0 <= p <= 1 for values in stolen["p"].values() for p in values)
    nulls = [row["null"] for row in rows if "null" in row]
    assert [len(null) for null in nulls] == [20, 20, 20]
    assert np.mean(np.array(nulls) < 0.01) < 0.1
    heading, lines = removal_table(rows)
    assert len(lines) == 8
    assert all(len(line) == len(heading) for line in lines)
    heading, lines = null_table(rows)
    assert [line[1:3] for line in lines] == [["nobody", "clean"], ["unmarked", BASE]]
    assert len(lines[0]) == len(heading)


def test_what_was_not_trained_is_said(tmp_path: Path, trained: Path) -> None:
    from harness.classifiers.judging import export_nulls, measure_classifiers

    assert export_nulls(trained, "patterns", tmp_path, small=True) == 9
    assert export_nulls(trained, "patterns", tmp_path, small=True) == 0
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.zip")) < 200_000
    cells = list(next(group for group in groups_of("patterns", small=True) if group.start == "wrapper").cells())
    (one, _) = measure_classifiers(cells, folder=tmp_path, thin={"small": True})
    assert one["status"] == "impossible"
    assert "--train-only" in one["reason"]


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the script as on a machine that has little more than torch."""
    code = BLOCKED.format(names=ABSENT, arguments=[str(SCRIPT), *arguments])
    code += f"sys.path.insert(0, {str(SCRIPT.parent)!r})\nrunpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_script_trains_where_little_is_installed(tmp_path: Path, trained: Path) -> None:
    usual = ["--small", "--tasks", "patterns", "--fp32"]
    done = run(["--train-only", str(trained), *usual])
    assert done.returncode == 0, done.stderr
    assert done.stdout == "all is trained\n"
    bad = run(["--train-only", str(tmp_path), "--small", "--tasks", "birds"])
    assert bad.returncode == 2
    assert bad.stderr.startswith("error: there is no task 'birds'")
    for chosen, n_groups in (("4:6", 5), (":4", 4), ("12:", 4)):
        some = run(["--train-only", str(trained), *usual, "--groups", chosen])
        assert f"0 of {n_groups} groups to train" in some.stderr
    bad = run(["--train-only", str(tmp_path), "--groups", "some"])
    assert bad.returncode == 2
    assert "is no A:B" in bad.stderr
    bad = run(["--train-only", str(tmp_path), "--device", "nowhere"])
    assert bad.returncode == 2
    assert "cannot use the device" in bad.stderr
