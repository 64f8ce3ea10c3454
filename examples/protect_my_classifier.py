"""Protect a classifier, let a thief train a network on its answers, and prove it; with an innocent one beside.

    python examples/protect_my_classifier.py OUT [--epochs 12]

Ten letters are drawn and three small networks trained. OUT gets reports, and arrays to try docs/classifiers.md with.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from watermarking import Key
from watermarking.ownership.classifiers import SoftLabelMark
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.classifiers.protect import ProtectedClassifier
from watermarking.ownership.classifiers.report import write_classifier_report
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.letters import draw_letters, grey, letter_shapes
from watermarking.ownership.classifiers.tasks.networks import build_classifier
from watermarking.ownership.classifiers.tasks.training import train
from watermarking.ownership.proof import subkey
from watermarking.ownership.sealing import commitment


def learnt(part: Any, epochs: int, seed: int, answers: Any = None) -> Any:
    """Train on true labels, or as a thief does on answers, softened by a temperature of 3."""
    logs = None if answers is None else torch.from_numpy(np.log(np.maximum(answers, 1e-7)))[None]
    lesson = Lesson(torch.from_numpy(part.inputs)[None], logs, torch.from_numpy(part.labels)[None])
    course = Course(epochs=epochs, true=1.0) if answers is None else Course(epochs=epochs, temperature=3.0)
    network = train(build_classifier("c2", part.n_classes, part.shape, seed=seed), lesson, course, seed=seed).eval()
    return lambda pictures: network(torch.from_numpy(pictures) / 255).softmax(1).detach().numpy()


def main() -> None:
    """Protect, steal, verify."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    out, epochs = vars(parser.parse_args()).values()
    mine, theirs, asked = grey(draw_letters(letter_shapes()[:10], 14_000, side=16)).split([6000, 6000, 2000])
    model, name = learnt(mine, epochs, 0), "letters v1"
    mark, key = SoftLabelMark.fit(mine.inputs, n_classes=10, flips=False), subkey(Key.generate(), name)
    published = commitment(name, mark, key)  # put it where its date can be seen, before the first answer
    served = ProtectedClassifier(model, mark, key=key)(theirs.inputs)
    for who, answers in {"thief": served, "innocent": None}.items():
        proof = verify_classifier(learnt(theirs, epochs, 1, answers), asked.inputs, own=model, mark=mark, key=key)
        page = write_classifier_report(out / f"report-{who}", proof, key, name=name, published=published)
        print(f"{who}: p = {proof.detection.p_value:.1e} from {proof.n_compared} answers, {page}")
    for files, part in (("inputs", "labels", "answers"), theirs), (("asked", "asked-labels", "own"), asked):
        for file, array in zip(files, (part.inputs, part.labels, model(part.inputs)), strict=True):
            np.save(out / f"{file}.npy", array)


if __name__ == "__main__":
    main()
