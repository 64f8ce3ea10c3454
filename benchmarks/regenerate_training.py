"""Train the autoencoder that the attack ``regenerate`` draws pictures anew with.

    python benchmarks/regenerate_training.py OUT.safetensors      # eight minutes on one core

DATA, the folder that ``fetch_data.sh`` fills, has the training photographs. Those of ``photographs/held-out.txt`` are
not trained on; they and the evaluation photographs say on the card how close the result comes.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional

from deep_data import photographs
from harness.photographs import data_folder, find, load
from watermarking.deep.networks.autoencoder import Autoencoder, AutoencoderSpec
from watermarking.deep.regeneration import regenerated, save_autoencoder
from watermarking.deep.training.prepare import edj_photograph, shrink_to
from watermarking.metrics import psnr

Pixels = npt.NDArray[np.uint8]

LONG_SIDES = (1400, 768)
SIDE, BATCH, RATE = 128, 8, 2e-3
NOISE = 0.1
"""The latent's noise while training is anything up to this: the decoder shall not hang on the last digit."""
CARD = {
    "licence": "MIT, as the package; training photographs: see data",
    "data": [
        "krank backgrounds, public domain (Slava Anishenko)",
        "enlightenment-data backgrounds, BSD-2",
        "lomiri-wallpapers-16.04: CC-BY-4.0 (Aitzol Berasategi; Trevor Freespace; Jakub Mede); one CC0 (C. Engelhardt)",
    ],
    "source": "benchmarks/regenerate_training.py",
}


def training_pictures() -> list[Pixels]:
    """Return the training photographs, each at two sizes."""
    Image.MAX_IMAGE_PIXELS = None
    held_out = {picture.path for picture in find("training-validation")}
    found = []
    for path in photographs(data_folder() / "x").values():
        if path in held_out:
            continue
        whole = edj_photograph(path) if path.suffix == ".edj" else Image.open(path).convert("RGB")
        found += [shrink_to(np.asarray(whole), min(1.0, side / max(whole.size))) for side in LONG_SIDES]
    return found


def batch(pictures: list[Pixels], rng: np.random.Generator) -> torch.Tensor:
    """Cut squares out of pictures, flipped at random: (BATCH, 3, SIDE, SIDE) in [0, 1]."""
    squares = []
    for chosen in rng.integers(len(pictures), size=BATCH):
        picture = pictures[chosen]
        top, left = (int(rng.integers(side - SIDE + 1)) for side in picture.shape[:2])
        square = picture[top : top + SIDE, left : left + SIDE]
        square = square[:, ::-1] if rng.random() < 0.5 else square
        squares.append(square.transpose(1, 0, 2) if rng.random() < 0.5 else square)
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255


def train(pictures: list[Pixels], seconds: float, seed: int) -> tuple[Autoencoder, int]:
    """Train for so long of this process's time, the rate falling to nothing; return the averaged network and steps."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Autoencoder(AutoencoderSpec())
    average = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    start, step, share = time.process_time(), 0, 0.0
    while share < 1:
        optimiser.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / 100) * (1 + math.cos(math.pi * share)) / 2
        pixels = batch(pictures, rng)
        shape = (BATCH, network.spec.latent + 3, SIDE // 8, SIDE // 8)
        hiss = torch.randn(shape) * NOISE * torch.rand(BATCH, 1, 1, 1)
        wrong = functional.mse_loss(network(pixels, hiss), pixels)
        optimiser.zero_grad()
        torch.sqrt(wrong + 1e-5).backward()  # type: ignore[no-untyped-call]  # torch's own is not typed
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step, share = step + 1, (time.process_time() - start) / seconds
        for name, value in network.state_dict().items():
            average[name].lerp_(value, max(0.005, 1 / step))
        if step % 200 == 0:
            print(f"{step} steps, {100 * share:.0f} %: {-10 * math.log10(wrong.item()):.1f} dB", file=sys.stderr)
    network.load_state_dict(average)
    return network.eval(), step


def closeness(network: Autoencoder, chosen: str) -> dict[str, float]:
    """Return the mean and the least PSNR over a set of photographs without noise, in dB."""
    found = []
    for photograph in find(chosen):
        pixels = load(photograph)
        colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        drawn = np.clip(np.rint(regenerated(colour, 0.0, np.random.default_rng(0), network)), 0, 255)
        found.append(psnr(colour, drawn.astype(np.uint8)))
    return {"mean": round(float(np.mean(found)), 2), "least": round(min(found), 2)}


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=480, help="of this process's time (default 480)")
    parser.add_argument("--seed", type=int, default=2032)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pictures = training_pictures()
    network, steps = train(pictures, options.seconds, options.seed)
    said = {"steps": steps, "seconds of one core": options.seconds, "seed": options.seed, "pictures": len(pictures)}
    figures = {name: closeness(network, name) for name in ("training-validation", "evaluation")}
    save_autoencoder(network, options.out, {**CARD, "training": said, "psnr": figures})
    print(figures)


if __name__ == "__main__":
    main()
