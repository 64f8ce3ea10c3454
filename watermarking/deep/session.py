"""A training run as the command line starts it: data in, checkpoints, logs and weights out."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from watermarking.deep.data import Photographs, photograph_files, split_by_photograph
from watermarking.deep.payloads import PictureBank
from watermarking.deep.train import Progress, Trainer
from watermarking.deep.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.deep.config import TrainConfig

__all__ = ["run_training"]


def _writer(folder: Path) -> Any:
    """Return a TensorBoard writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def _join_group() -> None:
    """Join the processes that ``torchrun`` started, if it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))


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
        Gets ``checkpoint.safetensors``, ``log.jsonl`` and TensorBoard events.
    pictures : path, optional
        Folder of PNG icons that join the drawn codes, texts and photographs as payloads.
    start : path, optional
        A checkpoint of another run of the same networks, whose weights a new run starts from.
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
        If there are too few photographs, or the loss is no number any more.
    """
    folder, target = Path(out), torch.device(device)
    folder.mkdir(parents=True, exist_ok=True)
    torch.backends.cudnn.benchmark = True
    _join_group()
    learn, held = split_by_photograph(photograph_files(images))
    least, most = (16 * math.ceil(config.tile * reach * 1.13 / 16) for reach in config.reach)
    photographs = Photographs(learn, config.shrink, least, most, target)
    bank = PictureBank.build(learn, pictures, config.seed, target) if config.payload == "pictures" else None
    trainer = Trainer(config, photographs, bank, folder)
    if start is not None and trainer.step == 0:
        trainer.start_from(Path(start))
    board = _writer(folder) if trainer.rank == 0 else None
    report(f"{config.name}: {len(learn)} photographs, {len(held)} held out, from step {trainer.step} of {config.steps}")

    def on_progress(progress: Progress) -> None:
        if trainer.rank:
            return
        row = {"step": progress.step, "seconds_per_step": round(progress.seconds_per_step, 4), **progress.terms}
        with (folder / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        terms = ", ".join(f"{name} {value:.4f}" for name, value in progress.terms.items())
        report(f"step {progress.step}/{progress.steps}, {progress.seconds_left / 60:.1f} min left: {terms}")
        if board is not None:
            for name, value in progress.terms.items():
                board.add_scalar(f"loss/{name}", value, progress.step)

    trainer.run(on_progress, seconds)
    if trainer.rank == 0:
        learnt, trainer.photographs = trainer.photographs, Photographs(held, config.shrink, least, most, target)
        rows = validate(trainer)
        trainer.photographs = learnt
        (folder / "validation.json").write_text(json.dumps({"step": trainer.step, "rows": rows}, indent=1) + "\n")
        for name, row in rows.items():
            report(f"{name}: " + ", ".join(f"{key} {value:g}" for key, value in row.items()))
    return trainer
