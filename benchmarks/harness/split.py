"""Training in parts on Fashion-MNIST: against training in one place, and what the activations show."""

from __future__ import annotations

import functools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.cells import DONE, Cell, Row, significant
from harness.classifiers.tasks import classifier_data
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.tasks.labelled import fashion
from watermarking.ownership.split.batches import Batches, with_noise
from watermarking.ownership.split.descent import Sgd
from watermarking.ownership.split.inversion import mean_psnr, rebuild, train_decoder
from watermarking.ownership.split.launch import free_port, launch
from watermarking.ownership.split.run import folder_of
from watermarking.ownership.split.settings import Job, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CUTS", "HOLDERS", "central", "job", "measure_split", "rebuilt_pictures"]

HOLDERS: Final = 4
CUTS: Final = {1: "conv", 2: "pool", 3: "conv, conv", 4: "conv, pool, conv, pool", 5: "dense"}
"""How many of the layers that count are the holders', and the last of them."""
_SHAPES: Final = {1: (16, 28, 28), 2: (16, 14, 14), 3: (32, 14, 14), 4: (32, 7, 7), 5: (64,)}
_OWN: Final = 1000
"""Holders' training pictures that are rebuilt; the attacker's own are the test set's."""


def layers(cut: int, seed: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Make the network of a seed, cut in two."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        steps = [
            nn.Sequential(nn.Conv2d(1, 16, 3, 1, 1), nn.ReLU()), nn.MaxPool2d(2),
            nn.Sequential(nn.Conv2d(16, 32, 3, 1, 1), nn.ReLU()), nn.MaxPool2d(2),
            nn.Sequential(nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU()), nn.Linear(64, 10),
        ]  # fmt: skip
    return nn.Sequential(*steps[:cut]), nn.Sequential(*steps[cut:])


@functools.cache
def pictures_of(which: str) -> tuple[Tensor, Tensor]:
    """Return pictures (uint8) and labels, of ``train`` or ``test``."""
    found = fashion(classifier_data(), which)
    return torch.from_numpy(found.inputs.copy()), torch.from_numpy(found.labels)


def part_of(rank: int, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return a holder's pictures and labels, an equal random share."""
    inputs, labels = pictures_of("train")
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    chosen = order[(rank - 1) * len(inputs) // n : rank * len(inputs) // n]
    return _scaled(inputs[chosen]), labels[chosen]


def _scaled(pictures: Tensor) -> Tensor:
    return pictures.float() / 255


def job(argument: str) -> Job:
    """Make the job of ``cut,seed``, for the processes of a training."""
    cut, seed = map(int, argument.split(","))
    return Job(
        front=lambda: layers(cut, seed)[0], back=lambda: layers(cut, seed)[1],
        data=lambda rank, n: part_of(rank, n, seed), cut=_SHAPES[cut], n_classes=10,
    )  # fmt: skip


def central(cut: int, settings: Settings) -> tuple[nn.Sequential, nn.Sequential]:
    """Train in one place with the same batches, learning rates and noise at the cut."""
    front, back = layers(cut, settings.seed)
    net = nn.Sequential(front, back)
    optimiser = Sgd(net, settings)
    parts = [part_of(rank, HOLDERS, settings.seed) for rank in range(1, HOLDERS + 1)]
    orders = [Batches(len(part[0]), settings.batch, settings.seed * 4099 + rank) for rank, part in enumerate(parts, 1)]
    torch.manual_seed(settings.seed)
    for number in range(settings.rounds):
        chosen = [order.at(number) for order in orders]
        inputs = torch.cat([part[0][places] for part, places in zip(parts, chosen, strict=True)])
        labels = torch.cat([part[1][places] for part, places in zip(parts, chosen, strict=True)])
        optimiser.rate = settings.rate_at(number)
        loss = functional.cross_entropy(back(with_noise(front(inputs), settings.noise)), labels)
        optimiser.descend([loss])
    return front, back


def in_parts(cut: int, settings: Settings) -> tuple[nn.Sequential, nn.Sequential]:
    """Train with a server and four holders, real processes; return what they saved."""
    front, back = layers(cut, settings.seed)
    with tempfile.TemporaryDirectory() as folder:
        status = launch(f"harness.split:job?{cut},{settings.seed}", settings, HOLDERS, free_port(), Path(folder))
        if status:
            raise WatermarkError(f"the server ended with status {status}")
        for net, rank in ((back, 0), (front, 1)):
            place = folder_of(Path(folder), rank) / f"{settings.rounds:08d}.safetensors"
            saved = safetensors.torch.load_file(place)
            net.load_state_dict({name[6:]: one for name, one in saved.items() if name.startswith("model.")})
    return front, back


def measure_split(cells: list[Cell]) -> list[Row]:
    """Measure cells that share a network."""
    torch.set_num_threads(1)
    return _inversions(cells) if cells[0]["part"] == "inversion" else [_accuracy(cell) for cell in cells]


def _settings(rounds: int, seed: int, noise: float) -> Settings:
    return Settings(rounds=rounds, batch=32, rate=0.05, noise=noise, save_every=rounds, timeout=600, seed=seed)


@functools.cache
def _whole(rounds: int, seed: int) -> nn.Sequential:
    """Train the network whose cuts are looked at; the cut does not matter for what comes out."""
    return nn.Sequential(*(step for half in central(4, _settings(rounds, seed, 0.0)) for step in half))


def _accuracy(cell: Cell) -> Row:
    start = time.perf_counter()
    train: Callable[[int, Settings], tuple[nn.Sequential, nn.Sequential]] = in_parts
    if cell["way"] == "central":
        train = central
    front, back = train(cell["cut"], _settings(cell["rounds"], cell["seed"], cell["noise"]))
    inputs, labels = pictures_of("test")
    with torch.no_grad():
        said = torch.cat([back(front(_scaled(some))) for some in inputs.split(1000)])  # type: ignore[no-untyped-call]  # torch's
    correct = int((said.argmax(1) == labels).sum())
    return {"status": DONE, "correct": correct, "tested": len(labels),
            "seconds": [significant(time.perf_counter() - start, 3)]}  # fmt: skip


def _inversions(cells: list[Cell]) -> list[Row]:
    """Rebuild holders' training pictures from each cut of one trained network, at each noise."""
    whole = _whole(cells[0]["rounds"], cells[0]["seed"])
    rows = []
    for cell in cells:
        start = time.perf_counter()
        rebuilt, own = _rebuilt(whole, cell)
        average = _scaled(pictures_of("test")[0]).mean(dim=0, keepdim=True).expand_as(own)
        rows.append({"status": DONE, "psnr": significant(mean_psnr(rebuilt, own)),
                     "psnr_of_mean": significant(mean_psnr(average, own)),
                     "seconds": [significant(time.perf_counter() - start, 3)]})  # fmt: skip
    return rows


def _rebuilt(whole: nn.Sequential, cell: Cell) -> tuple[Tensor, Tensor]:
    front = whole[: cell["cut"]]
    attackers = _scaled(pictures_of("test")[0])
    choices = {name: cell[name] for name in ("noise", "steps", "width", "seed")}
    decoder = train_decoder(front, attackers, **choices)
    own = part_of(1, HOLDERS, cell["seed"])[0][:_OWN]
    return rebuild(decoder, front, own, noise=cell["noise"], seed=cell["seed"]), own


def rebuilt_pictures(cells: list[Cell], n: int) -> tuple[Tensor, list[Tensor]]:
    """Return holders' pictures (n, 1, 28, 28) and, for each cell of one network, what was rebuilt of them."""
    whole = _whole(cells[0]["rounds"], cells[0]["seed"])
    found = [_rebuilt(whole, cell) for cell in cells]
    return found[0][1][:n], [rebuilt[:n] for rebuilt, _ in found]
