"""Copies that are taught to answer for their customer: options of ``issue``, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

    from watermarking.ownership.fingerprints.issue import Issuer
    from watermarking.ownership.fingerprints.manifest import Manifest

    C = TypeVar("C", bound=Callable[..., Any])

__all__ = ["BEGINNING", "Teacher", "check_folder", "own_module", "teaching_options"]

BEGINNING: Final = ("carrier", "profile", "network")
"""Options that are given once, when a folder is begun."""
_PROFILES: Final = ("light", "standard", "strong")
_CARRIERS: Final = ("soft-label", "triggers")
_FITTED: Final = 5000
_PICTURES: Final = 400
"""What verification pictures add to an epoch, at least about."""
_SEEN, _MOST = 100_000, 60  # inputs in a training, and epochs, however few inputs there are
_HEAD: Final = "head.weight"


def teaching_options(command: C) -> C:
    """Add the options of black-box carriers."""
    for option in reversed((
        click.option("--black-box", "data", metavar="DATA", type=click.Path(),
                     help="Teach copies to answer for their customer: .npz with arrays inputs and labels, some "
                     "thousands of what the model was trained on."),
        click.option("--carrier", type=click.Choice(_CARRIERS),
                     help="With --model and --black-box: a mark in soft labels, which distillation hands on, or "
                     "verification pictures (triggers), which labels alone tell; soft-label if left out."),
        click.option("--profile", type=click.Choice(_PROFILES), help="With --carrier soft-label; strong if left out."),
        click.option("--network", metavar="N",
                     help="With --black-box: c2, residual or mlp, or module:function (importable) or "
                     "file.py:function of yours that makes the network. That is code, and is run: it is to be named "
                     "again for each later copy. With --model always."),
        click.option("--epochs", type=click.IntRange(1, 1000), metavar="N",
                     help="With --black-box: 6 if left out, of triggers 12; more of few inputs."),
        click.option("--flips", is_flag=True, help="With --black-box: pictures may be mirrored."),
    )):  # fmt: skip
        command = option(command)
    return command


def own_module(network: str, weights: Any, shape: tuple[int, ...]) -> nn.Module:
    """Return the unmarked model as a module.

    Raises
    ------
    WatermarkError
        If it has no layer 'head', or the network is not that of the weights.
    """
    from watermarking.errors import WatermarkError
    from watermarking.ownership.fingerprints.architecture import build, filled

    if _HEAD not in weights:
        raise WatermarkError(f"there is no {_HEAD!r} in the model: call its last linear layer 'head' to teach copies")
    return filled(build(network, len(weights[_HEAD]), shape), weights)


class Teacher:
    """What copies are taught with.

    Parameters
    ----------
    given : dict of the options
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.inputs, self.labels = _read(given["data"])

    def beginning(self, path: Path) -> dict[str, Any]:
        """Return the arguments of ``start`` for a folder whose copies are taught.

        Raises
        ------
        WatermarkError
            If network and data do not go together.
        """
        from watermarking.ownership.classifiers.mark import SoftLabelMark
        from watermarking.ownership.fingerprints.triggers import TriggerMark
        from watermarking.ownership.fingerprints.weights import read_weights

        given = self.given
        if given["network"] is None:
            raise click.UsageError("--black-box needs --network: weights in a file say not how they are put together.")
        module = own_module(given["network"], read_weights(path), tuple(self.inputs.shape[1:]))
        n = int(module.state_dict()[_HEAD].shape[0])
        self._check(n)
        found: dict[str, Any] = {"model": module, "network": given["network"], "example": self.inputs[:2].float() / 255}
        if given["carrier"] == "triggers":
            if given["profile"] is not None:
                raise click.UsageError("--profile is for --carrier soft-label: triggers have none.")
            return found | {"served": TriggerMark(n_classes=n), "pictures": self.inputs.numpy()}
        some, profile = self.inputs[:_FITTED].numpy(), given["profile"] or "strong"
        return found | {"served": SoftLabelMark.fit(some, n_classes=n, profile=profile, flips=given["flips"])}

    def taught(self, issuer: Issuer, customer: str, own: Any) -> nn.Module:
        """Return the copy of a customer, before the fingerprint of its weights.

        Raises
        ------
        WatermarkError
            If the data are not those of the model.
        """
        import dataclasses

        from watermarking.ownership.fingerprints.architecture import trusted
        from watermarking.ownership.fingerprints.served import COURSE, TRIGGER_COURSE, teach

        known = issuer.manifest
        network = trusted(known.network, self.given["network"])
        module = own_module(network, own, tuple(self.inputs.shape[1:]))
        self._check(int(module.state_dict()[_HEAD].shape[0]))
        n = len(self.inputs)
        at_once = (n + (_PICTURES if known.pictures_sha256 else 0)) // 8  # so that few inputs make some steps, too
        usual = TRIGGER_COURSE if known.pictures_sha256 else COURSE
        course = dataclasses.replace(
            usual, epochs=self.given["epochs"] or max(usual.epochs, min(_MOST, _SEEN // n)),
            flips=self.given["flips"] and self.inputs.ndim == 4, batch=max(2, min(usual.batch, at_once)),
        )  # fmt: skip
        return teach(issuer, customer, module, self.inputs, self.labels, course=course)

    def _check(self, n_classes: int) -> None:
        from watermarking.errors import WatermarkError

        low, high = int(self.labels.min()), int(self.labels.max())
        if low < 0 or high >= n_classes:
            raise WatermarkError(
                f"labels of {self.given['data']} go from {low} to {high}, the model has {n_classes} classes, from 0 on"
            )


def check_folder(known: Manifest, data: str | None) -> None:
    """Refuse to issue copies whose answers would carry what the folder's do not, or the other way round."""
    if known.served is not None and data is None:
        raise click.UsageError(
            f"The copies of {known.name!r} answer for their customers: add --black-box DATA to teach the next one, too."
        )
    if data is not None and (known.served is None or not known.network):
        raise click.UsageError(
            f"The copies of {known.name!r} are not taught: --black-box is for the beginning, with --model and "
            "--network."
        )


def _read(path: str) -> tuple[Tensor, Tensor]:
    """Read inputs, pictures as uint8 (N, C, H, W), and their labels."""
    import numpy as np
    import torch

    from watermarking.errors import FileFormatError
    from watermarking.ownership.classifiers.asking import network_input
    from watermarking.ownership.classifiers.files.arrays import read_arrays

    arrays = read_arrays(path)
    if missing := [name for name in ("inputs", "labels") if name not in arrays]:
        raise FileFormatError(f"{path} has no array {missing[0]!r}, it has {', '.join(arrays)}: give inputs and labels")
    inputs, labels = arrays["inputs"], arrays["labels"]
    if inputs.ndim < 2 or inputs.dtype.kind not in "uif" or labels.shape != (len(inputs),) or len(inputs) < 16:
        raise FileFormatError(
            f"{path} holds inputs {inputs.shape} {inputs.dtype} and labels {labels.shape}: give 16 or more pictures "
            "or vectors, and a label for each"
        )
    if labels.dtype.kind not in "ui":
        raise FileFormatError(f"{path} holds labels of {labels.dtype}: give whole numbers from 0 on")
    if not np.isfinite(inputs).all():
        raise FileFormatError(f"{path} holds inputs with NaN or infinity: leave these out")
    if inputs.ndim == 2:
        learnt = torch.from_numpy(np.ascontiguousarray(inputs, np.float32))
    else:
        planes = network_input(inputs)
        if not (planes.min() >= 0 and planes.max() <= 1):
            raise FileFormatError(
                f"pictures of {path} go from {planes.min():.3g} to {planes.max():.3g}: give bytes, or 0 to 1 in floats"
            )
        learnt = torch.from_numpy(np.rint(planes * 255).astype(np.uint8))
    return learnt, torch.from_numpy(labels.astype(np.int64))
