"""A training run as the command line starts it: data in, checkpoints, logs and weights out."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from watermarking.deep.devices import find_device
from watermarking.deep.tensors import replace_file
from watermarking.deep.training import ranks
from watermarking.deep.training.board import Board
from watermarking.deep.training.data import Photographs, photograph_files, split_by_photograph
from watermarking.deep.training.payloads import PictureBank
from watermarking.deep.training.sampling import Sampler
from watermarking.deep.training.train import Progress, Trainer
from watermarking.deep.training.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.deep.training.config import TrainConfig

__all__ = ["cut_log", "run_training"]

BOARD_EXTRA: Final = "'watermarking[train]'"
_LEGEND: Final = (
    "on the photographs held out, for each attack and PSNR in dB: correlation of what is read with what was hidden "
    "(mean and worst tile, 1 is perfect), share of wrong signs (0 is perfect, 0.5 chance), how far unmarked tiles are "
    "from blank (0 is perfect), SSIM and PSNR of the marked tiles"
)


def run_training(
    config: TrainConfig,
    images: str | Path,
    out: str | Path,
    *,
    pictures: str | Path | None = None,
    start: str | Path | None = None,
    device: str = "cpu",
    seconds: float = math.inf,
    report: Callable[[str], None] = print,
) -> Trainer:
    """Train a configuration, going on from the checkpoint in ``out`` if there is one.

    Parameters
    ----------
    config : TrainConfig
    images : path
        Folder of photographs; one in ten is held out.
    out : path
        Gets ``checkpoint.safetensors``, ``log.jsonl`` and, where TensorBoard is installed, its events: the loss terms
        every ``log_every`` steps, pictures every ``save_every``.
    pictures : path, optional
        Folder of PNG icons that join the drawn codes, texts and photographs as payloads.
    start : path, optional
        What a new run starts from: a checkpoint of the same networks, or released weights by name or file.
    seconds : float
        Stop after this time, with a checkpoint.
    report : callable
        Receives a line of progress now and then.

    Returns
    -------
    Trainer
        At its last step, with the averaged weights in ``averages``.

    Raises
    ------
    WatermarkError
        If there are too few or too small photographs, the checkpoint in ``out`` is of other networks or another
        payload, or the loss is no number any more.
    """
    folder, target = Path(out), ranks.join(find_device(device))
    folder.mkdir(parents=True, exist_ok=True)
    torch.backends.cudnn.benchmark = True
    if ranks.rank() == 0:
        report(f"reading the photographs in {images}")
    try:
        trainer, held = _prepare(config, Path(images), folder, pictures, target)
        if start is not None and trainer.step == 0:
            trainer.start_from(start)
        if trainer.share[0] == 0:
            _lead(trainer, held, seconds, report)
        else:
            trainer.run(lambda _: None, seconds)
    finally:
        ranks.leave()
    return trainer


def _prepare(
    config: TrainConfig, images: Path, folder: Path, pictures: str | Path | None, device: torch.device
) -> tuple[Trainer, Sampler]:
    """Load the data; return the trainer over what it learns from, and the sampler of what is held out."""
    learn, held = split_by_photograph(photograph_files(images))
    bank = PictureBank.build(learn, pictures, config.seed, device) if config.payload == "pictures" else None
    # Both now: photographs that are too small must not be found out about after the training.
    shown, unseen = (Photographs(files, config.shrink, *config.longest_sides, device) for files in (learn, held))
    return Trainer(Sampler(config, shown, bank), folder), Sampler(config, unseen, bank)


def cut_log(log: Path, step: int) -> None:
    """Take out of a log the rows after a step, which a run that goes on from there will write again.

    A last line that a kill left unfinished goes too; any other line that is no row stays.
    """
    if not log.exists():
        return
    lines = log.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if line.endswith(b"\n") and _step_of(line) <= step]
    if kept != lines:
        replace_file(log, b"".join(kept))


def _step_of(line: bytes) -> float:
    """Return the step of a row of the log; of a line that is no row, none before the first."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return -math.inf


def _lead(trainer: Trainer, held: Sampler, seconds: float, report: Callable[[str], None]) -> None:
    """Train as the process that writes: progress, logs, pictures and the figures at the end."""
    config, folder = trainer.config, trainer.folder
    log = folder / "log.jsonl"
    cut_log(log, trainer.step)
    board = Board(folder, held, trainer.step)
    if not board.available:
        report(f"no TensorBoard, log.jsonl has the figures: for pictures too, pip install {BOARD_EXTRA}")
    report(f"{config.name}: from step {trainer.step} of {config.steps}, {trainer.share[1]} process(es)")
    report(f"learning; the first step takes longest, then a line every {config.log_every} steps")
    if trainer.changed:
        changes = (f"{name} {before!r}, now {now!r}" for name, (before, now) in trainer.changed.items())
        report(f"the checkpoint was made with {'; '.join(changes)}")

    def on_progress(progress: Progress) -> None:
        row = {"step": progress.step, "seconds_per_step": round(progress.seconds_per_step, 4), **progress.terms}
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        terms = ", ".join(f"{name} {value:.4f}" for name, value in progress.terms.items())
        report(f"step {progress.step}/{progress.steps}, {progress.seconds_left / 60:.1f} min left: {terms}")
        board.add_terms(progress)
        if progress.step % config.save_every == 0 or progress.step == config.steps:
            board.add_pictures(trainer)

    def on_begun(first: float) -> None:
        report(f"step {trainer.step} is done, in {first:.1f} s; Ctrl-C costs the steps since the last checkpoint alone")

    try:
        trainer.run(on_progress, seconds, on_begun)
    finally:
        board.close()
    # Who stops early looks at how it goes: half as many pictures say that in half the time.
    rows = validate(trainer, held, n_draws=2 if trainer.step >= config.steps else 1)
    (folder / "validation.json").write_text(json.dumps({"step": trainer.step, "rows": rows}, indent=1) + "\n")
    _tell_end(trainer, rows, report)


def _tell_end(trainer: Trainer, rows: dict[str, dict[str, float]], report: Callable[[str], None]) -> None:
    """Say what was measured, what that means, and what can be done next."""
    config = trainer.config
    report(_LEGEND)
    for name, row in rows.items():
        report(f"{name}: " + ", ".join(f"{key} {value:g}" for key, value in row.items()))
    checkpoint = shlex.quote(str(trainer.folder / "checkpoint.safetensors"))
    if trainer.step < config.steps:
        report(f"stopped at step {trainer.step} of {config.steps}: the same command goes on from there")
    report(
        f"next: watermarking deep release {checkpoint} WEIGHTS writes the weights, which watermarking deep export "
        f"--weights WEIGHTS/{config.name}.safetensors ONNX takes"
    )
