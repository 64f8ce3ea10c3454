"""Train a surrogate on the pairs that a thief collected, and ask it for answers."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from watermarking.deep.devices import find_device
from watermarking.deep.networks.nets import Critic
from watermarking.errors import WatermarkError
from watermarking.ownership.surrogates.losses import is_adversarial
from watermarking.ownership.surrogates.networks import Surrogate, build_network, to_tensor
from watermarking.ownership.surrogates.runs import Run, digest, load_run, save_run
from watermarking.ownership.surrogates.steps import Steps
from watermarking.ownership.surrogates.thief import Pictures, Thief, as_rgb, check_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["PAPER_RECIPE", "Recipe", "answers", "train_surrogate"]

_CRITIC_LEAST: Final = 32  # it halves a crop four times and normalises what is left


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a surrogate is trained, beside its network and its loss.

    Attributes
    ----------
    batch : int
        Pairs a step.
    rate : float
        Adam's rate at the start; it falls along half a cosine to a hundredth.
    critic_width : int
        Width of the critic's first layer; 64 is the paper's.
    adversarial : float
        Weight of the critic's opinion.
    bf16 : bool or None
        Networks in bfloat16; None: where the processor has matrix units for it (AMX), which halves the time.
    save_every : int
        Steps between two checkpoints.
    """

    batch: int = 8
    rate: float = 2e-3
    critic_width: int = 16
    adversarial: float = 1e-3
    bf16: bool | None = None
    save_every: int = 200


PAPER_RECIPE: Final = Recipe(batch=16, rate=1e-4, critic_width=64, adversarial=1e-2)
"""What goes with the published networks, but for the rate's fall, which was a line there, and the critic."""


def train_surrogate(
    inputs: Pictures,
    outputs: Pictures,
    *,
    network: str | Surrogate = "unet",
    preset: str = "thin",
    loss: str = "l2",
    thief: Thief | None = None,
    clean: tuple[Pictures, Pictures] | None = None,
    steps: int = 2000,
    seed: int = 0,
    recipe: Recipe | None = None,
    features: Callable[[Tensor], Tensor] | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[int, float], None] | None = None,
    threads: int = 1,
    device: str = "cpu",
) -> Surrogate:
    """Train a network to answer as a model does.

    Parameters
    ----------
    inputs, outputs : sequences of uint8 arrays (H, W, 3) or (H, W)
        Pairs, both of one size, no side below ``thief.crop``. A grey picture gets three equal channels.
    network : str or Surrogate
        ``cnet``, ``res9``, ``res16``, ``unet``; or a network to go on with, which is changed.
    preset : {"thin", "paper"}
    loss : {"l1", "l2", "l1-adversarial", "l2-adversarial", "perceptual-adversarial"}
    thief : Thief, optional
        What is done to the pairs; left out: crops of 64 pixels and nothing else.
    clean : (inputs, outputs), optional
        Unmarked pairs; ``thief.unmarked`` says which share of a training they make.
    steps, seed : int
        The same seed gives the same weights on a machine with the same number of threads; on a GPU nearly the same.
    recipe : Recipe, optional
        Left out: ``Recipe()`` for thin networks, ``PAPER_RECIPE`` for the published ones.
    features : callable, optional
        See :func:`watermarking.ownership.surrogates.losses.content_loss`.
    checkpoint : path, optional
        A safetensors file: written every ``recipe.save_every`` steps, and gone on from if it is there. It knows its
        pairs and choices, and refuses others.
    progress : callable, optional
        Given the step (from 1) and its loss; on a GPU every fiftieth.
    threads : int
        Of torch, while training.
    device : str
        Where it is trained, as torch names it.

    Returns
    -------
    Surrogate
        In evaluation mode, on the processor.

    Raises
    ------
    WatermarkError
        If the pictures are no pairs, a choice is unknown or out of range, the checkpoint is of another run, or torch
        has no such device.
    """
    where = find_device(device)
    thief, recipe = thief or Thief(), recipe or (PAPER_RECIPE if preset == "paper" else Recipe())
    adversarial = is_adversarial(loss)
    if steps < 1 or threads < 1:
        raise WatermarkError(f"{steps} steps on {threads} threads train nothing: give 1 or more of both")
    model = build_network(network, preset, seed=seed) if isinstance(network, str) else network
    pools = _pools(inputs, outputs, clean, thief, max(model.least, _CRITIC_LEAST if adversarial else 0), model.stride)
    critic = _critic(recipe.critic_width, seed).to(where) if adversarial else None
    model.to(where)
    name = f"{network}-{preset}" if isinstance(network, str) else "given"
    about = {"network": name, "thief": repr(thief), "recipe": repr(dataclasses.replace(recipe, save_every=0))}
    about |= {} if checkpoint is None else {"pairs": digest(pools)}
    run = Run(model, critic, device=where, loss=loss, seed=seed, steps=steps, rate=recipe.rate, about=about)
    first = load_run(run, checkpoint)
    with _torch_threads(threads):
        model.train()
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack this form
        stepping = Steps(run, recipe, _moved(features, where), where)
        for step in range(first, steps):
            pair = _batch(pools, thief, recipe.batch, seed, step)
            value = stepping.take(pair, step, last=step + 1 == steps)
            if progress is not None and value is not None:
                progress(step + 1, value)
            if checkpoint is not None and ((step + 1) % recipe.save_every == 0 or step + 1 == steps):
                save_run(run, checkpoint, step + 1)
    return model.cpu().eval()


def _moved(features: Callable[[Tensor], Tensor] | None, device: torch.device) -> Callable[[Tensor], Tensor] | None:
    return features.to(device) if isinstance(features, nn.Module) else features


def _pools(
    inputs: Pictures, outputs: Pictures, clean: tuple[Pictures, Pictures] | None, thief: Thief, least: int, stride: int
) -> list[tuple[Pictures, Pictures]]:
    """Return the marked pairs and, if they are used, the unmarked ones, all checked."""
    if thief.crop % stride or thief.crop < least:
        raise WatermarkError(
            f"crops of {thief.crop} do not fit the networks: give a multiple of {stride}, at least {least}"
        )
    pools = [(inputs, outputs)]
    if thief.unmarked:
        if clean is None:
            raise WatermarkError(
                f"a share of {thief.unmarked:g} unmarked pairs is asked for, none are given: give clean=..."
            )
        pools.append(clean)
    for one, two in pools:
        check_pairs(one, two, thief.crop)
    return pools


def _critic(width: int, seed: int) -> Critic:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        return Critic(width)


@contextlib.contextmanager
def _torch_threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batch(
    pools: list[tuple[Pictures, Pictures]], thief: Thief, size: int, seed: int, step: int
) -> tuple[Tensor, Tensor]:
    """Draw a step's pairs, which follow from seed and step alone: a run that goes on draws what it would have drawn."""
    rng = np.random.default_rng([seed, step])
    drawn = [thief.draw(*pools[int(rng.random() < thief.unmarked)], rng) for _ in range(size)]
    one, two = (np.stack([pair[i] for pair in drawn]) for i in (0, 1))
    return to_tensor(one), to_tensor(two)


def answers(model: nn.Module, inputs: Pictures, *, threads: int = 1) -> list[npt.NDArray[np.uint8]]:
    """Ask a module for its answers to pictures of any size; grey ones are answered in grey.

    Parameters
    ----------
    model : Module
        (N, 3, H, W) in [0, 1] to the same; ``stride`` and ``least``, if it has them, are what sides must be multiples
        of and at least have: pictures are extended by reflection and cut again.
    inputs : sequence of uint8 arrays (H, W, 3) or (H, W)

    Raises
    ------
    WatermarkError
        If an answer has another size than its input.
    """
    was_training = model.training
    model.eval()
    try:
        with _torch_threads(threads), torch.inference_mode():
            return [_answer(model, np.asarray(picture)) for picture in inputs]
    finally:
        model.train(was_training)


def _answer(model: nn.Module, picture: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    rgb = as_rgb(picture)
    height, width = rgb.shape[:2]
    stride, least = int(getattr(model, "stride", 1)), int(getattr(model, "least", 1))
    rows, columns = (max(-(-length // stride) * stride, least) for length in (height, width))
    padded = np.pad(rgb, ((0, rows - height), (0, columns - width), (0, 0)), mode="symmetric")
    where = next((one.device for one in model.parameters()), torch.device("cpu"))
    x = to_tensor(padded[None]).to(where).contiguous(memory_format=torch.channels_last)
    out = model(x)
    if out.shape != x.shape:
        raise WatermarkError(
            f"the model answers {tuple(x.shape)} with {tuple(out.shape)}: it must keep the picture's size"
        )
    grey = picture.ndim == 2
    found = functional.relu(out[0, :, :height, :width].float()) * 255
    found = (found.mean(0) if grey else found.permute(1, 2, 0)).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(found.cpu().numpy())
