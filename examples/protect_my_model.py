"""Protect an algorithm, let a thief train a network on its answers, and prove it; with an honest one beside.

    python examples/protect_my_model.py PHOTOGRAPHS OUT [--steps 1200]

PHOTOGRAPHS is a folder of at least 8 pictures, better 30. The algorithm is a bilateral filter; it can be a network of
yours. Two trainings, about a minute each on a core, then OUT holds the report on the thief.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from watermarking import Key
from watermarking.ownership.learnable import LearnableMark
from watermarking.ownership.proof import Proof, subkey, verify
from watermarking.ownership.protect import ProtectedModel
from watermarking.ownership.report import commitment, write_report
from watermarking.ownership.surrogates.train import answers, train_surrogate
from watermarking.pictures.files import read_picture
from watermarking.pictures.folders import survey

ENDS, NAME = (slice(128), slice(-128, None)), "smoother v1"


def smoother(picture: np.ndarray) -> np.ndarray:
    """Smooth a picture and keep its edges: the algorithm that is served."""
    return cv2.bilateralFilter(picture, 9, 40, 3)


def main(arguments: list[str] | None = None) -> list[Proof]:
    """Protect, steal, verify; return the proofs on the thief and on the honest one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1200)
    options = parser.parse_args(arguments)
    whole = [np.ascontiguousarray(read_picture(path).array[..., :3]) for path in survey(options.photographs).pictures]
    pictures = [np.ascontiguousarray(one[rows, columns]) for one in whole for rows in ENDS for columns in ENDS]
    n_asked = len(pictures) // 4
    asked, queries = pictures[:n_asked], pictures[n_asked:]

    mark, key = LearnableMark(), subkey(Key.generate(), NAME)
    published = commitment(NAME, mark, key)  # put it where its date can be seen, before the first answer
    proofs = []
    for who, model in (("thief", ProtectedModel(smoother, mark, key=key)), ("honest", smoother)):
        network = train_surrogate(queries, [model(one) for one in queries], network="cnet", steps=options.steps)
        proofs.append(verify(answers(network, asked), own=[smoother(one) for one in asked], mark=mark, key=key))
        print(f"{who}: p = {proofs[-1].detection.p_value:.1e} from {len(asked)} answers")
    print(write_report(options.out, proofs[0], key, name=NAME, published=published))
    return proofs


if __name__ == "__main__":
    main()
