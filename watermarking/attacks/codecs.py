"""What phones and films do to a picture: codecs of packages that the plain installation does not have."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from watermarking.attacks.attack import Attack, Pixels, choice, number
from watermarking.errors import UnsupportedImageError
from watermarking.extras import needed

__all__ = ["Heic", "JpegXl", "VideoFrame"]

_SMALLEST_BLOCK = 16  # pixels: shorter sides are filled up, and cut again
_JPEG_XL_EFFORT = 5  # of 1 to 9: at 1 to 4 and from 7 on this coder spoils the red by 3 to 20 grey levels


@dataclass(frozen=True)
class Heic(Attack):
    """Save as HEIC (H.265, as phones do). Needs ``pip install 'watermarking[formats]'``."""

    id = "heic"
    family = "formats"
    quality: int = number(50, 0, 100)
    subsampling: int = choice(420, 422, 444)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Save and load."""
        heif = needed("pillow_heif", "formats")
        buffer = io.BytesIO()
        mode = "L" if pixels.ndim == 2 else "RGB"
        try:
            heif.from_bytes(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes()).save(
                buffer, quality=self.quality, chroma=self.subsampling
            )
            return np.array(heif.open_heif(buffer).to_pillow().convert(mode))
        except (OSError, ValueError, RuntimeError) as error:
            height, width = pixels.shape[:2]
            raise UnsupportedImageError(f"HEIC cannot hold {width}x{height} pixels: {error}") from error


@dataclass(frozen=True)
class JpegXl(Attack):
    """Save as lossy JPEG XL. Needs ``pip install 'watermarking[formats]'``.

    `distance` is Butteraugli's that the coder aims at: 1 is hardly seen, 3 is web quality, 25 the worst. The coder
    that the extra brings never comes closer to the red than about 2 grey levels, and at distances of 8 and more errs
    there by half as much again as in the green: that is harder on a mark than JPEG XL need be.
    """

    id = "jpeg_xl"
    family = "formats"
    distance: float = number(1.0, 0.05, 25.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Save and load."""
        codec = needed("pylibjxl", "formats")
        try:
            data = codec.encode(np.ascontiguousarray(pixels), distance=self.distance, effort=_JPEG_XL_EFFORT)
            found = np.asarray(codec.decode(data), dtype=np.uint8)
        except (OSError, ValueError, RuntimeError) as error:
            height, width = pixels.shape[:2]
            raise UnsupportedImageError(f"JPEG XL cannot hold {width}x{height} pixels: {error}") from error
        return found.reshape(pixels.shape)


@dataclass(frozen=True)
class VideoFrame(Attack):
    """Make a film's key frame of it, with a constant rate factor. Needs ``pip install 'watermarking[video]'``.

    `crf` is FFmpeg's for x264 and x265: 18 is hardly seen, 23 and 28 are their defaults, 51 is the worst.
    """

    id = "video_frame"
    family = "formats"
    crf: int = number(28, 0, 51)
    codec: str = choice("h264", "h265")

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Encode as 4:2:0 and decode, on one thread; sides are filled up to whole blocks for the while."""
        av = needed("av", "video")
        height, width = pixels.shape[:2]
        margin = ((0, -height % _SMALLEST_BLOCK), (0, -width % _SMALLEST_BLOCK)) + ((0, 0),) * (pixels.ndim - 2)
        filled = np.pad(pixels, margin, mode="edge")
        colour = filled if pixels.ndim == 3 else np.repeat(filled[..., None], 3, axis=2)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(colour), format="rgb24")
        try:
            shown = self._through_film(av, frame)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise UnsupportedImageError(f"{self.codec} cannot hold {width}x{height} pixels: {error}") from error
        found = shown[:height, :width]
        # A film has colour; the green of a grey frame is its luma.
        return np.ascontiguousarray(found if pixels.ndim == 3 else found[..., 1])

    def _through_film(self, av: Any, frame: Any) -> Pixels:
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="matroska") as film:
            stream = film.add_stream("libx264" if self.codec == "h264" else "libx265", rate=25)
            stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
            stream.thread_count = 1
            stream.options = {"crf": str(self.crf), **_QUIET[self.codec]}
            for packet in (*stream.encode(frame), *stream.encode(None)):
                film.mux(packet)
        buffer.seek(0)
        with av.open(buffer) as film:
            return np.array(next(film.decode(video=0)).to_ndarray(format="rgb24"))


_QUIET = {"h264": {}, "h265": {"x265-params": "log-level=error:pools=none:frame-threads=1"}}
