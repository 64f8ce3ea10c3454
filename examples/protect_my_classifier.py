"""Protect a classifier, let a thief train a network on its answers, and prove it; with an innocent one beside.

    python examples/protect_my_classifier.py OUT [--epochs 20]

The task is drawn: ten letters, turned, sheared, struck through and noisy. Three small networks are trained, half a
minute each on a core. OUT gets the report on the thief, and arrays to try the command line with: docs/classifiers.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

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

N_CLASSES, NAME = 10, "letters v1"


def main() -> None:
    """Protect, steal, verify."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    drawn = grey(draw_letters(letter_shapes()[:N_CLASSES], 14_000, side=16))
    mine, theirs, asked = drawn.split([6000, 6000, 2000])

    def trained(part, answers=None, seed=0):  # by labels, or as a thief does, by answers
        new = build_classifier("c2", N_CLASSES, drawn.shape, seed=seed)
        logs = None if answers is None else torch.from_numpy(np.log(np.maximum(answers, 1e-7)))[None]
        lesson = Lesson(torch.from_numpy(part.inputs)[None], logs, torch.from_numpy(part.labels)[None])
        network = train(new, lesson, Course(epochs=options.epochs, true=float(answers is None)), seed=seed).eval()
        return lambda pictures: network(torch.from_numpy(pictures) / 255).softmax(1).detach().numpy()

    model = trained(mine)
    mark, key = SoftLabelMark.fit(mine.inputs, n_classes=N_CLASSES, flips=False), subkey(Key.generate(), NAME)
    published = commitment(NAME, mark, key)  # put it where its date can be seen, before the first answer
    served = ProtectedClassifier(model, mark, key=key)
    suspects = {"thief": trained(theirs, served(theirs.inputs), 1), "innocent": trained(theirs, None, 2)}
    for who, suspect in suspects.items():
        proof = verify_classifier(suspect, asked.inputs, own=model, mark=mark, key=key)
        right = np.mean(suspect(asked.inputs).argmax(1) == asked.labels)
        print(f"{who}: {100 * right:.1f} % right, p = {proof.detection.p_value:.1e}")
        write_classifier_report(options.out / f"report-{who}", proof, key, name=NAME, published=published)
    files = {"inputs": theirs.inputs, "labels": theirs.labels, "answers": model(theirs.inputs)}
    files |= {"asked": asked.inputs, "asked-labels": asked.labels, "own": model(asked.inputs)}
    for name, array in files.items():
        np.save(options.out / f"{name}.npy", array)


if __name__ == "__main__":
    main()
