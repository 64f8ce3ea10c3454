"""The command line as a process: statuses, signals, pipes and encodings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from interrupts import HEEDING

COMMAND = [sys.executable, "-m", "watermarking"]


def call(*args: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, args)], capture_output=True, check=False, env={**os.environ, **environment}
    )


def test_embed_extract_and_statuses(picture: Path, keyfile: Path, tmp_path: Path) -> None:
    marked = tmp_path / "märked.jpg"
    done = call("embed", picture, "-o", marked, "-m", "grüße ✓", "-k", keyfile)
    assert done.returncode == 0, done.stderr
    read = call("extract", marked, "-k", keyfile)
    assert (read.returncode, read.stdout.decode()) == (0, "grüße ✓\n")
    assert call("extract", picture, "-k", keyfile).returncode == 1
    missing = call("extract", "nowhere.png", "-k", keyfile)
    assert (missing.returncode, missing.stderr.count(b"\n")) == (2, 1)


def test_the_installed_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("watermarking")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == call("--version").stdout.decode()


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_an_interrupt_is_quiet(keyfile: Path) -> None:
    process = subprocess.Popen(
        [*HEEDING, *COMMAND, "extract", "-", "-k", keyfile],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    time.sleep(2)  # by then it waits for the picture
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr.strip()) == (130, b"", b"")


@pytest.mark.skipif(os.name != "posix", reason="pipes differ elsewhere")
@pytest.mark.parametrize("arguments", [["schemes"], ["attack", "--list"], ["attack", "PICTURE", "blur(1)", "-o", "-"]])
def test_a_reader_that_leaves_is_no_failure(picture: Path, arguments: list[str]) -> None:
    arguments = [str(picture) if argument == "PICTURE" else argument for argument in arguments]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_names_and_terminals_without_utf8(picture: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"b\xffld.png")
    picture.rename(odd)
    for environment in ({"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}):
        done = call("capacity", odd, odd, **environment)
        assert (done.returncode, done.stdout.count(b"ld.png: ")) == (0, 2)
        assert (
            call("keygen", tmp_path / f"ключ{len(environment)}{next(iter(environment))}", **environment).returncode == 0
        )


@pytest.mark.slow
def test_compilation_is_announced_once(picture: Path, keyfile: Path, tmp_path: Path) -> None:
    outputs = [
        call(
            "detect", picture, "-m", "x", "-k", keyfile, "--scheme", "additive", NUMBA_CACHE_DIR=str(tmp_path / "cache")
        )
        for _ in range(2)
    ]
    assert [done.returncode for done in outputs] == [1, 1]
    assert [b"compiling for this machine" in done.stderr for done in outputs] == [True, False]


def test_marking_waits_for_no_linear_algebra() -> None:
    code = (
        "import sys; from watermarking.cli.pictures import announce_compilation; announce_compilation()\n"
        "import numpy as np, watermarking as wm; marker = wm.Marker(key=wm.Key(bytes(16)))\n"
        "marker.embed(np.full((256, 256), 90, np.uint8), 'x'); print('scipy.linalg' in sys.modules)\n"
        "import scipy.linalg.cython_blas; print(scipy.linalg.det([[2.0]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "2.0"]
