"""Give every customer a copy of a classifier with a fingerprint; three of them merge theirs; find out who.

python examples/trace_the_leak.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

import watermarking as wm
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.networks import build_classifier
from watermarking.ownership.classifiers.tasks.training import train
from watermarking.ownership.fingerprints.attacks.merging import merged
from watermarking.ownership.fingerprints.issue import start
from watermarking.ownership.fingerprints.trace import trace

CUSTOMERS = [f"customer {i}" for i in range(20)]
GUILTY = [3, 8, 15]


def trained() -> torch.nn.Module:
    """Return a small network that tells four noisy patterns apart."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 1000)
    noisy = rng.integers(40, 216, (4, 1, 16, 16))[labels] + rng.normal(0, 60, (1000, 1, 16, 16))
    lesson = Lesson(
        torch.tensor(np.clip(noisy, 0, 255).astype(np.uint8))[None], labels=torch.tensor(labels)[None]
    )  # fmt: skip
    return train(build_classifier("c2", 4, (1, 16, 16)), lesson, Course(epochs=2, batch=50, true=1.0))


def main(folder: Path) -> None:
    """Train, issue copies, merge three of them, trace the merged one and an innocent model."""
    key = wm.Key.generate()
    model = trained()
    issuer = start(folder, model, name="patterns 1", key=key)
    files = [issuer.issue(customer) for customer in CUSTOMERS]

    copies = [load_file(files[i]) for i in GUILTY]
    leaked = merged(copies, "median", rng=np.random.default_rng(1))
    save_file(leaked, folder / "leaked.safetensors")

    found = trace(folder / "leaked.safetensors", folder, key)
    for customer in found.named():
        print(f"leaked: {customer}, p = {found[customer].p_value:.1g}")
    innocent = build_classifier("c2", 4, (1, 16, 16), seed=7).eval()
    print(f"innocent: {trace(innocent, folder, key).named()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
