"""Verification pictures that carry a customer's word, labels that spell it, and copies that know them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy.stats import binom

from tests.ownership.fingerprints.world import KEY, begun, loaded
from watermarking import Key
from watermarking.errors import CapacityError, FileFormatError, UnsupportedImageError, WatermarkError
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.networks import build_classifier
from watermarking.ownership.classifiers.tasks.training import train
from watermarking.ownership.fingerprints.attacks.changes import removed
from watermarking.ownership.fingerprints.issue import read_pictures
from watermarking.ownership.fingerprints.served import COURSE, teach
from watermarking.ownership.fingerprints.sheets import cut_up, laid_out
from watermarking.ownership.fingerprints.trace import trace
from watermarking.ownership.fingerprints.triggers import TriggerMark, judged_labels

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from watermarking.ownership.fingerprints.issue import Issuer

MARK = TriggerMark(n_classes=10)
CENTRES = np.random.default_rng(3).integers(60, 196, (10, 1, 16, 16))


def some(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n)
    noisy = CENTRES[labels] + rng.normal(0, 25, (n, 1, 16, 16))
    return torch.tensor(np.clip(noisy, 0, 255).astype(np.uint8)), torch.tensor(labels)


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module, dict[str, nn.Module], Issuer]:
    inputs, labels = some(600, 0)
    lesson = Lesson(inputs[None], labels=labels[None])
    own = train(build_classifier("mlp", 10, (1, 16, 16)), lesson, Course(epochs=4, batch=64, true=1.0)).eval()
    folder = tmp_path_factory.mktemp("triggers") / "net"
    issuer = begun(folder, own, served=dataclasses.replace(MARK, psnr=26.0), pictures=inputs.numpy(), network="mlp")
    copies = {}
    course = dataclasses.replace(COURSE, epochs=12, batch=96, rate=2e-3)
    for customer in ("ada", "bob"):
        copy = teach(issuer, customer, own, inputs, labels, course=course)
        copies[customer] = loaded(own, issuer.weights(customer, taught=copy))
        issuer.issue(customer, taught=copy)
    return folder, own, copies, issuer


def test_labels_spell_all_bits_of_the_word(issued: tuple[Path, nn.Module, dict[str, nn.Module], Issuer]) -> None:
    folder, own, copies, issuer = issued
    mark = TriggerMark.from_config(issuer.manifest.served or {})
    plain, word = read_pictures(folder, issuer.manifest), mark.word("ada", key=issuer.key)
    marked = mark.marked(plain, "ada", key=issuer.key)
    assert np.array_equal(mark.read(marked, "ada", key=issuer.key), word)
    assert (mark.read(marked, "bob", key=issuer.key) != word).mean() > 0.35
    for pictures in (plain, marked):
        with torch.no_grad():
            labels = copies["ada"](torch.from_numpy(pictures) / 255).argmax(1).numpy()
        assert np.array_equal(mark.read_bits(labels, key=issuer.key), word)
    held, truth = some(500, 5)
    with torch.no_grad():
        right = [float((one(held / 255).argmax(1) == truth).float().mean()) for one in (own, copies["ada"])]
    assert right[1] > right[0] - 0.05
    assert [copy.taught for copy in issuer.manifest.copies] == ["triggers", "triggers"]


def test_queries_name_the_customer_and_nobody_else(
    issued: tuple[Path, nn.Module, dict[str, nn.Module], Issuer],
) -> None:
    folder, own, copies, issuer = issued
    found = trace(copies["bob"], folder, KEY, ask=True)
    assert found.named() == ["bob"]
    assert found["bob"].p_value < 1e-60
    assert found.levels is None
    assert trace(own, folder, KEY, ask=True).named() == []

    def served(pictures: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return copies["ada"](torch.from_numpy(pictures) / 255).softmax(1).numpy()

    assert trace(served, folder, KEY).named() == ["ada"]
    plain = read_pictures(folder, issuer.manifest)
    labels = served(plain).argmax(1).tolist()
    assert trace(labels, folder, KEY).named() == ["ada"]
    half = trace([label if i % 2 else None for i, label in enumerate(labels)], folder, KEY)
    assert half.named() == ["ada"]
    assert half["ada"].p_value > found["bob"].p_value
    assert trace(copies["bob"], folder, KEY).named() == ["bob"]  # weights, as ever
    more, truth = some(600, 2)
    (thief,) = removed([copies["bob"]], {"id": "distil", "n": 600, "epochs": 8}, inputs=more, labels=truth,
                       network="mlp")  # fmt: skip
    assert trace(thief, folder, KEY, ask=True).named() == []


def test_innocents_meet_labels_as_the_binomial_distribution_says() -> None:
    key, names = Key(b"innocents of triggers"), [f"customer {i}" for i in range(4000)]
    labels = MARK.labels(MARK.word("guilty", key=key), key=key)
    labels[:20] = -1
    found = judged_labels(labels, MARK, ["guilty", *names], key=key)
    assert next(iter(found)) == "guilty"
    meets = np.array([round(found[name].score * 82) for name in names])
    assert meets.mean() == pytest.approx(82 / 8, rel=0.02)
    assert (meets >= 18).mean() == pytest.approx(binom.sf(17, 82, 1 / 8), abs=0.006)
    assert min(found[name].p_value for name in names) > 1e-2
    other = judged_labels(labels, MARK, ["guilty", *names], key=Key(b"another key, another"))
    assert other["guilty"].p_value == 1


@pytest.mark.parametrize("n_classes", [2, 3, 7, 10, 300])
def test_words_come_back_from_labels(n_classes: int) -> None:
    mark = TriggerMark(n_classes=n_classes, length=64)
    word = mark.word("ada", key=KEY)
    labels = mark.labels(word, key=KEY)
    assert 64 <= word.size < 64 + mark.bits
    assert labels.max() < n_classes
    assert np.array_equal(mark.read_bits(labels, key=KEY), word)
    labels[0] = n_classes + 3
    assert (mark.read_bits(labels, key=KEY)[: mark.bits] == -1).all()


@pytest.mark.parametrize(("n", "channels"), [(1, 1), (5, 3), (16, 1)])
def test_sheets_are_cut_up_as_they_were_laid_out(n: int, channels: int) -> None:
    pictures = np.random.default_rng(n).integers(0, 256, (n, channels, 6, 9)).astype(np.uint8)
    sheet = laid_out(pictures)
    assert sheet.ndim == (2 if channels == 1 else 3)
    assert np.array_equal(cut_up(sheet, pictures), pictures)
    assert np.array_equal(sheet[:6, :9].reshape(6, 9, -1).transpose(2, 0, 1), pictures[0])


def test_what_does_not_go_together(
    issued: tuple[Path, nn.Module, dict[str, nn.Module], Issuer], tmp_path: Path
) -> None:
    folder, own, copies, issuer = issued
    pictures, faint = some(120, 1)[0].numpy(), dataclasses.replace(MARK, psnr=59.0)
    refused: list[tuple[type[WatermarkError], str, object]] = [
        (WatermarkError, "triggers need pictures", lambda: begun(tmp_path / "a", own, served=MARK)),
        (CapacityError, "102 are needed", lambda: MARK.chosen(pictures[:50], key=KEY)),
        (UnsupportedImageError, "soft-label", lambda: MARK.chosen(pictures[:, 0, 0], key=KEY)),
        (CapacityError, "lower PSNR", lambda: faint.marked(MARK.chosen(pictures, key=KEY), "a", key=KEY)),
        (WatermarkError, "give one each", lambda: trace([1, 2], folder, KEY)),
        (WatermarkError, "leave inputs out", lambda: trace(own, folder, KEY, inputs=pictures, own=own)),
        (WatermarkError, "of no use where labels", lambda: trace([1] * 102, folder, KEY, own=own)),
        (WatermarkError, "of no use where labels", lambda: trace([1] * 102, folder, KEY, references=[own])),
        (WatermarkError, "of no use where weights", lambda: trace(own, folder, KEY, interface=None)),
        (WatermarkError, "give one of both", lambda: trace(own, folder, KEY, inputs=pictures, ask=True)),
        (CapacityError, "bits", lambda: begun(tmp_path / "b", own, served=MARK, pictures=pictures[:, :, :4, :4])),
        (WatermarkError, "give one for each", lambda: judged_labels([1, 2], MARK, ["a"], key=KEY)),
        (WatermarkError, "bits of a word", lambda: TriggerMark(n_classes=10, length=7)),
        (WatermarkError, "classes", lambda: TriggerMark(n_classes=1)),
        (WatermarkError, "of the kind", lambda: TriggerMark.from_config({"id": "soft-label"})),
        (WatermarkError, "a mark has", lambda: TriggerMark.from_config({"id": "triggers", "x": 1})),
        (WatermarkError, "of shape", lambda: teach(issuer, "c", own, torch.zeros(9, 1, 8, 8).byte(), torch.zeros(9))),
    ]  # fmt: skip
    for kind, words, call in refused:
        with pytest.raises(kind, match=words):
            call()  # type: ignore[operator]  # lambdas of a list
    assert not (tmp_path / "b").exists()
    place = folder / "verification.safetensors"
    kept = place.read_bytes()
    place.write_bytes(kept[:-1] + b"\0")
    with pytest.raises(FileFormatError, match="put the one back"):
        trace(copies["ada"], folder, KEY, ask=True)
    place.write_bytes(kept)
