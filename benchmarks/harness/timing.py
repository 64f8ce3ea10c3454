"""Time and memory: every operation beside what OpenCV needs for the same picture, in one process, in turns."""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from harness.cells import DONE, IMPOSSIBLE, Cell, Row, significant
from harness.photographs import SHIPPED, Photograph, load
from harness.workers import failed
from watermarking.attacks import parse_attack
from watermarking.errors import WatermarkError
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.pictures.opencv import cv2_module
from watermarking.threads import threads

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

__all__ = [
    "CODEC",
    "FILES",
    "OPERATIONS",
    "PROCESSES",
    "REFERENCES",
    "UNSEEN",
    "forget_peak",
    "measure_memory",
    "measure_peers",
    "measure_processes",
    "measure_speed",
    "memory_status",
    "picture_of",
]

REFERENCES = ("decode JPEG 95", "copy", "encode PNG")
OPERATIONS = (
    "scheme.embed", "scheme.extract", "Marker.embed", "Marker.extract", "Marker.extract, moved",
    "Marker.extract, unmarked",
)  # fmt: skip
CODEC = ("Pillow, decode and encode", "Pillow, decode, encode and decode")
FILES = ("embed_bytes, not read back", "embed_bytes, read back")
UNSEEN = "Marker.embed, default fidelity"
PROCESSES = ("import", "--help", "embed 12 MP JPEG", "first call")
_KEY, _MESSAGE = Key(b"the key of the timings"), b"8 bytes."
_MOVE = "rotate(3) | crop(0.9, where='centre')"
_SECONDS = 12.0  # that the turns of one picture size may take, at least three


def picture_of(megapixels: float) -> Pixels:
    """Return a picture of this size, 4:3, made of a photograph and its mirror images."""
    tile = load(Photograph("bee", SHIPPED / "european-honey-bee.jpg", 0))
    rows = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    shape = (rows, round(rows * 4 / 3))
    mirrored = np.vstack([np.hstack([tile, tile[:, ::-1]]), np.hstack([tile[::-1], tile[::-1, ::-1]])])
    repeats = [-(-wanted // there) for wanted, there in zip(shape, mirrored.shape, strict=False)]
    return np.ascontiguousarray(np.tile(mirrored, (*repeats, 1))[: shape[0], : shape[1]])


def measure_speed(cells: list[Cell]) -> list[Row]:
    """Time the operations on a picture of one size, in turns; the median of each."""
    picture = picture_of(cells[0]["megapixels"])
    calls = [_call(cell, picture) for cell in cells]
    taken: list[list[float]] = [[] for _ in cells]
    start = time.perf_counter()
    while len(taken[0]) < 3 or (time.perf_counter() - start < _SECONDS and len(taken[0]) < 15):
        for call, cell, times in zip(calls, cells, taken, strict=True):
            if isinstance(call, str):
                continue
            with threads(cell["threads"]):
                begin = time.perf_counter()
                call()
                times.append(time.perf_counter() - begin)
        if not any(taken):
            break
    return [
        failed(IMPOSSIBLE, call) if isinstance(call, str) else _timed(times)
        for call, times in zip(calls, taken, strict=True)
    ]


def measure_memory(cells: list[Cell]) -> list[Row]:
    """Measure in a process of its own how far memory rises above the input and the result while marking."""
    return [_in_process(cell) for cell in cells]


def measure_peers(cells: list[Cell]) -> list[Row]:
    """Time how long other packages take to embed; one turn each, for some take minutes."""
    from peers import OWN_STRENGTH, Peer

    results: list[Row] = []
    for cell in cells:
        peer = Peer(cell["scheme"].removeprefix("peer:"), fidelity=OWN_STRENGTH)
        peer.seconds_to_embed(picture_of(0.3), _MESSAGE[:4])  # what is loaded once costs nothing more
        results.append(_timed([peer.seconds_to_embed(picture_of(cell["megapixels"]), _MESSAGE[:4])]))
    return results


def measure_processes(cells: list[Cell]) -> list[Row]:
    """Time whole processes: what a person at a prompt waits for."""
    measure = {"import": _import, "--help": _help, "embed 12 MP JPEG": _command, "first call": _first_call}
    return [measure[cell["operation"]]() for cell in cells]


def _call(cell: Cell, picture: Pixels) -> Callable[[], object] | str:
    """Return the call to time, warmed up, or why there is none."""
    cv2 = cv2_module()
    cv2.setNumThreads(1)
    operation = cell["operation"]
    if operation == UNSEEN:
        marker = Marker(cell["scheme"], key=_KEY)
        return lambda: marker.embed(picture, _MESSAGE)
    if operation in (*CODEC, *FILES):
        return _file_call(operation, cell["scheme"], picture)
    if operation in REFERENCES:
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        return {
            "decode JPEG 95": lambda: cv2.imdecode(jpeg, cv2.IMREAD_COLOR),
            "copy": picture.copy,
            "encode PNG": lambda: cv2.imencode(".png", picture),
        }[operation]
    try:
        call = _own_call(operation, Marker(cell["scheme"], key=_KEY, psnr=42.0), picture)
        call()
    except WatermarkError as error:
        return str(error)
    return call


def _file_call(operation: str, scheme: str, picture: Pixels) -> Callable[[], object]:
    """Return what marks a JPEG file in memory, or what Pillow needs for its decoding and encoding alone."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=95)
    data = stream.getvalue()
    if operation in FILES:
        marker = Marker(scheme, key=_KEY, psnr=42.0)
        return lambda: marker.embed_bytes(data, _MESSAGE, verify=operation == FILES[1])

    def code() -> None:
        again = io.BytesIO()
        Image.open(io.BytesIO(data)).save(again, "JPEG", quality="keep")
        if operation == CODEC[1]:
            Image.open(again).load()

    return code


def _own_call(operation: str, marker: Marker, picture: Pixels) -> Callable[[], Any]:
    scheme = marker.scheme
    bits = _KEY.bits("payload", min(512, scheme.capacity(picture.shape)))
    if operation == "scheme.embed":
        return lambda: scheme.embed(picture, bits, key=_KEY)
    if operation == "scheme.extract":
        marked = scheme.embed(picture, bits, key=_KEY)
        return lambda: scheme.extract(marked, key=_KEY)
    if operation == "Marker.embed":
        return lambda: marker.embed(picture, _MESSAGE)
    marked = picture if operation.endswith("unmarked") else marker.embed(picture, _MESSAGE)
    if operation.endswith("moved"):
        marked = parse_attack(_MOVE)(marked, rng=np.random.default_rng(0))
    return lambda: marker.extract(marked)


def _timed(seconds: list[float]) -> Row:
    return {
        "status": DONE,
        "seconds": [significant(statistics.median(seconds), 3), significant(min(seconds), 3)],
    }


def _in_process(cell: Cell) -> Row:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from harness.timing import peak_above\nprint(peak_above(sys.argv[2], float(sys.argv[3])))"
    )
    folder = str(Path(__file__).parents[1])
    done = _run([sys.executable, "-c", script, folder, cell["scheme"], str(cell["megapixels"])])
    return {"status": DONE, "megabytes": significant(float(done.stdout), 3)}


def peak_above(scheme: str, megapixels: float) -> float:
    """Return by how many MB memory rises above input and result while a picture is marked (Linux)."""
    marker = Marker(scheme, key=_KEY, psnr=42.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        marker.embed(picture_of(0.5), _MESSAGE)  # what is loaded and compiled once is no part of the picture's cost
    picture = picture_of(megapixels)
    before = memory_status("VmRSS")
    forget_peak()
    with threads(2):
        marked = marker.embed(picture, _MESSAGE)
    return float(max(0.0, (memory_status("VmHWM") - before - marked.nbytes) / 1e6))


def forget_peak() -> None:
    """Let the peak of this process' memory be counted from now on (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")


def memory_status(name: str) -> int:
    """Return an entry of this process' memory in bytes: VmRSS is what it holds, VmHWM the peak (Linux)."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def _import() -> Row:
    bare, loaded = [], []
    for _ in range(15):
        bare.append(_seconds([sys.executable, "-c", "pass"]))
        loaded.append(_seconds([sys.executable, "-c", "import watermarking"]))
    return _timed([one - statistics.median(bare) for one in loaded])


def _help() -> Row:
    return _timed([_seconds([_program(), "--help"]) for _ in range(15)])


def _command() -> Row:
    """Time ``watermarking embed`` of a 12 MP JPEG, verification included."""
    with _workplace(12.0) as place:
        command = [_program(), "embed", "in.jpg", "-o", "out.jpg", "-m", "8 bytes.", "-k", "key", "--force"]
        return _timed([_seconds(command, cwd=place) for _ in range(5)])


def _first_call() -> Row:
    """Time ``watermarking embed`` of a small picture with nothing compiled."""
    taken = []
    for _ in range(3):
        with _workplace(0.5) as place:
            empty = {**os.environ, "NUMBA_CACHE_DIR": str(place / "cache")}
            command = [_program(), "embed", "in.jpg", "-o", "out.jpg", "-m", "8 bytes.", "-k", "key"]
            taken.append(_seconds(command, cwd=place, env=empty))
    return _timed(taken)


@contextlib.contextmanager
def _workplace(megapixels: float) -> Any:
    cv2 = cv2_module()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        cv2.imwrite(str(place / "in.jpg"), picture_of(megapixels), [cv2.IMWRITE_JPEG_QUALITY, 95])
        _run([_program(), "keygen", str(place / "key")])
        yield place


def _program() -> str:
    return str(Path(sys.executable).with_name("watermarking"))


def _seconds(command: list[str], **how: Any) -> float:
    begin = time.perf_counter()
    _run(command, **how)
    return time.perf_counter() - begin


def _run(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ended with {done.returncode}: {done.stderr[-300:]}")
    return done
