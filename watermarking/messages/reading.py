"""What reading a picture, and marking a file, returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watermarking.codes.messages import as_logo, as_uuid

if TYPE_CHECKING:
    import uuid

    import numpy as np
    import numpy.typing as npt

    from watermarking.interface import Detection
    from watermarking.messages.presence import Presence
    from watermarking.sync.geometry import Geometry

__all__ = ["Reading", "Receipt"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a picture says.

    Attributes
    ----------
    message : bytes, or None where no message passed its check
    text : str, or None where there is no message or it is not UTF-8
    detection : Detection, whether anything is there, message or not
    bit_error_rate : float, share of the channel bits that disagree with the message; None without a message
    geometry : Geometry, what was undone before the picture could be read; None where nothing was
    scheme : str, id of the scheme that read it
    key_index : int, which of the keys read it; None without a message
    outline : (top, left, rows, cols) in pixels of the part of the picture that was read, to within two blocks of 32
        pixels of the canvas at the scale it was found at; None where the whole picture was read
    presence : Presence, where in the picture the message is; None unless asked for
    searched_at : int, the factor by which the picture was shrunk before others were looked for in it, 1 where it was
        not: those that are small in a large canvas are lost by it. None where none had to be looked for
    """

    message: bytes | None
    text: str | None
    detection: Detection
    bit_error_rate: float | None
    geometry: Geometry | None
    scheme: str
    key_index: int | None
    outline: tuple[int, int, int, int] | None = None
    presence: Presence | None = field(default=None, repr=False, compare=False)
    searched_at: int | None = None

    @property
    def uuid(self) -> uuid.UUID | None:
        """The message as a UUID; None where there is none, or it has not 16 bytes."""
        return None if self.message is None else as_uuid(self.message)

    @property
    def logo(self) -> npt.NDArray[np.bool_] | None:
        """The message as a logo (H, W) bool; None where there is none, or its shape does not fit its bytes."""
        return None if self.message is None else as_logo(self.message)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What marking a file did.

    Attributes
    ----------
    message : bytes, what the file carries now
    scheme : str, id of the scheme
    psnr, ssim : float, of what was written against what was read; None without verification, where the two differ in
        shape or type, and where the file was marked already and left as it was
    bit_error_rate : float, share of the channel bits that were read wrongly; None where nothing was read back
    fidelity : float, SSIMULACRA2 score of the marked samples, before they were coded; an estimate above 1200 pixels.
        None where none was aimed at
    already_marked : bool, the picture carried the message before and was not marked again
    reserve : float, of the errors that the message's code corrects, the share that is free: below 0.8, JPEG may wipe
        it out. None where nothing was read back, and for marks that survive no change
    """

    message: bytes
    scheme: str
    psnr: float | None
    ssim: float | None
    bit_error_rate: float | None
    fidelity: float | None = None
    already_marked: bool = False
    reserve: float | None = None
