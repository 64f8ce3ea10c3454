"""Films: every frame is marked, the sound goes along, and the film's message is read from its frames together."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from tests.datasets.conftest import Run, texture

if TYPE_CHECKING:
    from pathlib import Path

N = 6


def film(path: Path, coder: str = "libx264") -> None:
    """Write a short film with a moving picture and a tone."""
    wide = texture(256, 320, 3)
    with av.open(str(path), "w") as container:
        video = container.add_stream(coder, rate=25)
        video.width, video.height, video.pix_fmt = 256, 256, "yuv420p"
        sound = container.add_stream("aac", rate=44_100)
        for i in range(N):
            array = np.ascontiguousarray(wide[:, 4 * i : 4 * i + 256])
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        tone = (8000 * np.sin(np.arange(1024 * 8) / 20)).astype(np.int16)[None]
        for i in range(8):
            part = av.AudioFrame.from_ndarray(tone[:, 1024 * i : 1024 * (i + 1)], format="s16", layout="mono")
            part.rate, part.pts, part.time_base = 44_100, 1024 * i, Fraction(1, 44_100)
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def times(path: Path) -> list[float | None]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


@pytest.mark.parametrize(("name", "coder"), [("a.mp4", "libx264"), ("a.mkv", "mpeg4")])
def test_a_film_keeps_frames_times_and_sound(tmp_path: Path, run: Run, name: str, coder: str) -> None:
    source, target = tmp_path / name, tmp_path / "out"
    film(source, coder)
    done = run("embed", source, "-o", target, "-m", "Ada", "--psnr", 36, "--workers", 1)
    assert done.exit_code == 0, done.output
    assert times(target / name) == pytest.approx(times(source))
    assert packets(target / name) == packets(source)
    with av.open(str(source)) as one, av.open(str(target / name)) as other:
        assert one.streams.video[0].codec_context.name == other.streams.video[0].codec_context.name
    checked = run("verify", target, "--workers", 1)
    assert checked.exit_code == 0, checked.output
    table = run("extract", target / name, "--scheme", "dwt", "--search", 0, "--workers", 1)
    assert table.output.count("\tAda\n") == N
    again = tmp_path / "again"
    assert run("embed", source, "-o", again, "-m", "Ada", "--psnr", 36, "--workers", 1).exit_code == 0
    assert (again / name).read_bytes() == (target / name).read_bytes()


def test_a_film_without_marks_does_not_verify(tmp_path: Path, run: Run) -> None:
    film(tmp_path / "a.mp4")
    run("embed", tmp_path / "a.mp4", "-o", tmp_path / "out", "-m", "Ada", "--psnr", 36, "--workers", 1)
    (tmp_path / "out/a.mp4").write_bytes((tmp_path / "a.mp4").read_bytes())
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 3


def test_what_is_no_film_is_refused(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no film" * 100)
    done = run.embed(tmp_path / "a.mp4", tmp_path / "out")
    assert done.exit_code == 2
    assert "is no whole film" in done.output


def test_colours_keep_their_meaning(tmp_path: Path, run: Run) -> None:
    """A film in BT.709 stays one, and is as bright as before."""
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "10"})
        video.width, video.height, video.pix_fmt = 256, 256, "yuv420p"
        for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
            setattr(video.codec_context, name, 1)
        for i in range(3):
            frame = av.VideoFrame.from_ndarray(texture(256, 256, i) // 2 + 64, format="rgb24")
            container.mux(video.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(video.encode(None))
    run("embed", tmp_path / "a.mp4", "-o", tmp_path / "out", "-m", "Ada", "--psnr", 40, "--workers", 1)
    found = []
    for path in (tmp_path / "a.mp4", tmp_path / "out/a.mp4"):
        with av.open(str(path)) as film:
            context = film.streams.video[0].codec_context
            luma = np.mean([frame.to_ndarray(format="gray").mean() for frame in film.decode(video=0)])
            found.append((context.color_primaries, context.color_trc, context.colorspace, luma))
    assert found[0][:3] == found[1][:3] == (1, 1, 1)
    assert found[1][3] == pytest.approx(found[0][3], abs=0.5)
