"""Films: every frame is a sample, coded anew by the film's own coder; sound and subtitles go along as they are.

The coder takes from the marks what it takes from the picture: what is read from the marked film is not quite what
was written, so that its frames are judged together.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from watermarking.datasets.sample import Sample
from watermarking.datasets.stores.files import ShardFiles, steady
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileFormatError
from watermarking.extras import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash
    from pathlib import Path

    from watermarking.datasets.sample import Placed, Shard

__all__ = ["Films"]

_CODERS: Final = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1", "mpeg4": "mpeg4"}
_COLOURS: Final = ("color_primaries", "color_trc", "colorspace", "color_range")
_MATRICES: Final = {1: "ITU709", 4: "FCC", 7: "SMPTE240M", 9: "BT2020", 10: "BT2020"}
_USUAL: Final = "ITU601"
"""The matrices between RGB and YUV by H.273's numbers: frames are read by that of the film, and written by it."""
_SAME: Final = {"fflags": "+bitexact"}  # no number drawn by chance, no date
_OPTIONS: Final = {"libx264": {"crf": "17"}, "libx265": {"crf": "18"}, "libvpx-vp9": {"crf": "20", "b": "0"}}
"""Fine enough that the coder leaves the marks; without a rate of their own, coders take it from the film."""


@dataclass(frozen=True)
class Films(ShardFiles):
    """Film files, one or a folder of them; each is a shard.

    Parameters
    ----------
    place : Path
    """

    kind: ClassVar[str] = "film"
    suffixes: ClassVar[tuple[str, ...]] = (".mp4", ".mov", ".mkv", ".webm")
    leaves_out: ClassVar[bool] = False
    exact: ClassVar[bool] = False

    def count(self, path: Path, state: Hash) -> int:
        """Count the frames of a film; refuse what is coded by something that cannot be written."""
        n = sum(1 for _ in self._frames(path))
        state.update(f"{n} {path.stat().st_size}".encode())
        return n

    def read(self, shard: Shard) -> Iterator[Sample]:
        """Yield the frames of a film, (H, W, 3) uint8, upright or not as they are coded."""
        path = self.path_of(shard.name)
        with steady(path):
            for number, frame in enumerate(self._frames(path)):
                place = (frame.pts, frame.time_base)
                shown = frame.reformat(format="rgb24", src_colorspace=_matrix(frame), interpolation=_exact())
                yield Sample(f"{number:09d}", shown.to_ndarray(), place=place)

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write the film under its name, whole."""
        av = needed("av", "video")
        path = self.path_of(shard.name)
        with whole_file(target / shard.name) as temporary, self._opened(path) as source:
            container_format = {".mkv": "matroska", ".webm": "webm", ".mov": "mov"}.get(path.suffix.lower(), "mp4")
            with av.open(str(temporary), "w", format=container_format, options=_SAME) as film:
                video = source.streams.video[0]
                coded = _coder(film, video)
                others = {one.index: film.add_stream_from_template(one) for one in source.streams if _goes_along(one)}
                film.metadata.update(source.metadata)
                for one in placed:
                    frame = av.VideoFrame.from_ndarray(one.content, format="rgb24")
                    frame = frame.reformat(format=coded.pix_fmt, dst_colorspace=_matrix(video), interpolation=_exact())
                    frame.pts, frame.time_base = one.sample.place
                    film.mux(coded.encode(frame))
                    wrote()
                film.mux(coded.encode(None))
                for packet in source.demux([source.streams[index] for index in others]) if others else ():
                    if packet.dts is not None:
                        packet.stream = others[packet.stream.index]
                        film.mux(packet)

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Any]:
        av = needed("av", "video")
        try:
            with av.open(str(path)) as film:
                if not film.streams.video:
                    raise FileFormatError(f"{path} has no pictures: leave it out")
                coder = film.streams.video[0].codec_context.name
                if coder.removeprefix("lib").replace("dav1d", "av1") not in _CODERS:
                    known = ", ".join(_CODERS)
                    raise FileFormatError(f"{path} is coded as {coder}, one of {known} is needed: convert it first")
                yield film
        except av.FFmpegError as error:
            raise FileFormatError(f"{path} is no whole film: {error}") from error

    def _frames(self, path: Path) -> Iterator[Any]:
        with self._opened(path) as film:
            yield from film.decode(video=0)


def _matrix(one: Any) -> str:
    """Return the matrix between RGB and YUV of a frame or a stream."""
    return _MATRICES.get(int(one.colorspace), _USUAL)


def _exact() -> Any:
    """Return how colours are converted: rounded, not cut off, which would make a film darker by a grey level."""
    from av.video.reformatter import Interpolation

    return Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def _coder(film: Any, video: Any) -> Any:
    """Add a stream that is coded as the film is: its size, rate, colours; one thread, for the same bytes each time."""
    name = _CODERS[video.codec_context.name.removeprefix("lib").replace("dav1d", "av1")]
    options = dict(_OPTIONS.get(name, {}))
    coded = film.add_stream(name, rate=video.average_rate or 25, options=options)
    coded.width, coded.height, coded.pix_fmt = video.width, video.height, video.pix_fmt or "yuv420p"
    coded.time_base = coded.codec_context.time_base = video.time_base
    coded.codec_context.thread_count = 1
    for name in _COLOURS:
        setattr(coded.codec_context, name, getattr(video.codec_context, name))
    if video.sample_aspect_ratio:
        coded.codec_context.sample_aspect_ratio = video.sample_aspect_ratio
    if not options and video.bit_rate:
        coded.bit_rate = round(1.5 * video.bit_rate)
    return coded


def _goes_along(stream: Any) -> bool:
    return stream.type in ("audio", "subtitle")
