"""Models as functions of pictures, whatever they work in: torch modules, ONNX files and sessions, plain functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from watermarking.errors import FileFormatError, MissingExtraError, WatermarkError
from watermarking.pictures.arrays import check_image
from watermarking.pictures.ranges import check_peak, peak_in_use

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from watermarking.interface import Image

    F32 = npt.NDArray[np.float32]

__all__ = [
    "Conventions",
    "ModelAnswerError",
    "as_function",
    "chosen_output",
    "onnx_session",
    "picture_of",
    "planes_of",
    "white_of",
]

_FULL: Final = 65535
_RANKS: Final = (3, 4)
_OVER, _MOST_OUTSIDE = 0.25, 0.1
"""Networks overshoot: a tenth of the samples may lie a quarter of the range outside of it."""


class ModelAnswerError(WatermarkError):
    """What a model answered is no picture; the message says what it is and what to state."""


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """How a network takes and gives pictures: batches of planes, (1, channels, H, W) float32.

    Parameters
    ----------
    low, high : float
        What black and white are to it: 0 and 1, or -1 and 1, or 0 and 255.
    channels : 3 or 1
        Planes that it takes; colour is made grey for 1, grey is repeated for 3.
    order : "rgb" or "bgr"
        Of the three planes, in what it takes and in what it answers.
    output : int or str, optional
        Which of several outputs is the picture.
    device : str
        Torch device.
    peak : int, optional
        White of 16-bit pictures, all that it is given and all of a folder: 4095 for 12 bits. Left out it is 65535, and
        what a picture holds makes no difference.

    Raises
    ------
    WatermarkError
        If no picture fits these.
    """

    low: float = 0.0
    high: float = 1.0
    channels: int = 3
    order: Literal["rgb", "bgr"] = "rgb"
    output: int | str | None = None
    device: str = "cpu"
    peak: int | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise WatermarkError(f"black is {self.low} and white {self.high}: give two values, the darker one first")
        if self.channels not in (1, 3):
            raise WatermarkError(f"{self.channels} channels are no picture: give 1 or 3")
        if self.order not in ("rgb", "bgr"):
            raise WatermarkError(f"{self.order!r} is no order of planes: give 'rgb' or 'bgr'")
        check_peak(self.peak)


def white_of(picture: Image, stated: int | None = None) -> float:
    """Return what white is in a picture: 255, 1.0 for floats, of 16 bits what is stated for all, else 65535.

    Never what a picture seems to hold: a dark one of 16 bits is no picture of 8.

    Raises
    ------
    UnsupportedImageError
        If a sample is larger than the stated white.
    """
    return float(_FULL) if stated is None and picture.dtype == np.uint16 else peak_in_use(picture, stated)


def as_function(model: Any, conventions: Conventions | None = None) -> Callable[[Image], Image]:
    """Return a model as a function from a picture to a picture, (H, W) or (H, W, 3), of the same dtype.

    Parameters
    ----------
    model : torch module in evaluation mode, ONNX file or onnxruntime session, or a function of pictures
        A function is returned as it is, but for the check of its answers.
    conventions : Conventions, optional
        Of networks; not used for functions.

    Raises
    ------
    WatermarkError
        If it is none of these, or a module in training mode.
    FileFormatError
        If a file is no ONNX model.
    MissingExtraError
        If onnxruntime is needed and not installed.
    """
    how = conventions or Conventions()
    if isinstance(model, (str, Path)):
        model = onnx_session(Path(model))
    if hasattr(model, "get_inputs") and hasattr(model, "run"):
        name = model.get_inputs()[0].name
        return lambda picture: _through(
            picture, how, lambda planes: _named(model.run(None, {name: planes}), model, how)
        )
    if hasattr(model, "parameters") and hasattr(model, "training"):
        return _of_module(model, how)
    if not callable(model):
        raise WatermarkError(f"{type(model).__name__} is no model: give a torch module, an ONNX file or a function")
    return lambda picture: _checked(np.asarray(model(picture)))


def planes_of(picture: Image, how: Conventions) -> F32:
    """Return a picture as planes (1, channels, H, W) between the model's black and white."""
    levels = np.asarray(picture, np.float32) / np.float32(white_of(picture, how.peak))
    if levels.ndim == 2:
        levels = np.repeat(levels[..., None], how.channels, axis=2)
    levels = levels[..., :3]
    if levels.shape[2] != how.channels:
        levels = levels @ np.array([[0.299], [0.587], [0.114]], np.float32)
    if how.order == "bgr":
        levels = levels[..., ::-1]
    planes = levels.transpose(2, 0, 1)[None] * np.float32(how.high - how.low) + np.float32(how.low)
    return np.ascontiguousarray(planes, np.float32)


def picture_of(planes: Any, how: Conventions, like: Image) -> Image:
    """Return planes (1, C, H, W) or (C, H, W) as a picture of a dtype: (H, W) for one plane, (H, W, 3) for three.

    Raises
    ------
    ModelAnswerError
        If they are no planes of a picture, or hold NaN.
    """
    found = np.asarray(planes, np.float32)
    if found.ndim not in _RANKS or (found.ndim == 4 and found.shape[0] != 1) or found.shape[-3] not in (1, 3):
        raise ModelAnswerError(f"the model answers with {found.shape}, (1, 1 or 3, H, W) is a picture: wrap it")
    if not np.isfinite(found).all():
        raise ModelAnswerError("the model answers with NaN or infinity: check its weights, or its range of values")
    found = found.reshape(found.shape[-3:])
    outside = float(
        np.mean((found < how.low - _OVER * (how.high - how.low)) | (found > how.high + _OVER * (how.high - how.low)))
    )
    if outside > _MOST_OUTSIDE:
        raise ModelAnswerError(
            f"the model answers with {found.min():.3g} to {found.max():.3g}, {how.low:g} to {how.high:g} are expected: "
            "state its black and white with Conventions(low=..., high=...)"
        )
    levels = np.clip((found - np.float32(how.low)) / np.float32(how.high - how.low), 0, 1).transpose(1, 2, 0)
    levels = levels[..., 0] if levels.shape[2] == 1 else levels[..., ::-1] if how.order == "bgr" else levels
    if like.dtype.kind == "f":
        return np.ascontiguousarray(levels.astype(like.dtype))
    peak = np.float32(white_of(like, how.peak))
    return np.ascontiguousarray(np.floor(levels * peak + np.float32(0.5)).astype(like.dtype))


def _through(picture: Image, how: Conventions, run: Callable[[F32], Any]) -> Image:
    picture = check_image(picture)
    return picture_of(run(planes_of(picture, how)), how, picture)


def _of_module(module: Any, how: Conventions) -> Callable[[Image], Image]:
    import torch

    if module.training:
        raise WatermarkError("the module is in training mode, its answers change from call to call: call eval() first")
    module = module.to(how.device)

    def run(planes: F32) -> Any:
        with torch.no_grad():
            answer = module(torch.from_numpy(planes).to(how.device))
        found = chosen_output(answer, how)
        return found.detach().float().cpu().numpy() if isinstance(found, torch.Tensor) else found

    return lambda picture: _through(picture, how, run)


def chosen_output(answer: Any, how: Conventions) -> Any:
    """Return the picture among a model's outputs."""
    if isinstance(answer, Mapping):
        if how.output not in answer:
            raise ModelAnswerError(
                f"the model answers with {', '.join(map(str, answer))}: say with output which one is the picture"
            )
        return answer[how.output]
    if isinstance(answer, (tuple, list)):
        if len(answer) == 1 and how.output is None:
            return answer[0]
        if not isinstance(how.output, int) or not -len(answer) <= how.output < len(answer):
            raise ModelAnswerError(
                f"the model answers with {len(answer)} outputs: say with output which is the picture"
            )
        return answer[how.output]
    return answer


def _named(answers: list[Any], session: Any, how: Conventions) -> Any:
    if isinstance(how.output, str):
        return chosen_output(
            {one.name: answer for one, answer in zip(session.get_outputs(), answers, strict=True)}, how
        )
    return chosen_output(answers, how)


def onnx_session(path: Path) -> Any:
    """Open an ONNX file, on the processor.

    Raises
    ------
    MissingExtraError
        Without onnxruntime.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("ONNX files need onnxruntime: pip install onnxruntime") from None
    if path.suffix.lower() != ".onnx" or not path.is_file():
        raise FileFormatError(f"{path} is no ONNX file: models are torch modules, .onnx files or functions")
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # what onnxruntime raises has no class of its own
        raise FileFormatError(f"{path} is no ONNX model: {error}") from error


def _checked(answer: Image) -> Image:
    try:
        return check_image(answer)
    except WatermarkError as error:
        raise ModelAnswerError(f"the model's answer is no picture: {error}") from error
