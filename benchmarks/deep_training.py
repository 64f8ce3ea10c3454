"""Measure what a training step of the shipped configurations costs on one thread.

    OPENBLAS_NUM_THREADS=1 python benchmarks/deep_training.py PHOTOGRAPHS [--out benchmarks/results]

PHOTOGRAPHS as ``benchmarks/deep_data.py`` prepares them. Processor seconds, so that a busy machine disturbs little;
every row goes through the same steps, drawn from the middle of the training. A configuration is measured as it is, and
with 8 tiles in both precisions.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from harness.provenance import write_with_provenance
from watermarking.deep.training.config import TrainConfig, load_config
from watermarking.deep.training.data import Photographs, photograph_files
from watermarking.deep.training.payloads import PictureBank
from watermarking.deep.training.sampling import Sampler
from watermarking.deep.training.train import Trainer

CONFIGURATIONS = ("deep-logo", "deep-any", "deep-robust", "deep-robust-small")
N_STEPS, N_PHOTOGRAPHS = 6, 16
CPU = torch.device("cpu")


def seconds_per_step(config: TrainConfig, files: list[Path]) -> list[float]:
    """Take a few steps after one for warming up; return what each took."""
    photographs = Photographs(files, config.shrink, *config.longest_sides, CPU)
    bank = PictureBank.build(files, None, config.seed, CPU, n=64) if config.payload == "pictures" else None
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(Sampler(config, photographs, bank), Path(folder))
        trainer.step = config.steps // 2
        for _ in range(N_STEPS + 1):
            began = time.process_time()
            trainer.advance()
            taken.append(round(time.process_time() - began, 3))
    return taken[1:]


def measure(name: str, files: list[Path]) -> list[dict[str, Any]]:
    """Return a configuration's rows."""
    config = load_config(name)
    eight = replace(config, groups=2, group=4)
    rows = []
    for case in (config, *(replace(eight, precision=precision) for precision in ("bf16", "fp32"))):
        taken, tiles = seconds_per_step(case, files), case.groups * case.group
        rows.append({"configuration": name, "tiles": tiles, "precision": case.precision,
                     "seconds": statistics.mean(taken), "all": taken,
                     "core_hours": round(config.steps * statistics.mean(taken) / 3600, 2)})  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure every configuration and store the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    files = photograph_files(options.photographs)[:N_PHOTOGRAPHS]
    began = time.monotonic()
    rows = [row for name in CONFIGURATIONS for row in measure(name, files)]
    seconds = round(time.monotonic() - began, 1)
    write_with_provenance(options.out / "deep-training.json", rows, seconds=seconds, torch=torch.__version__)


if __name__ == "__main__":
    main()
