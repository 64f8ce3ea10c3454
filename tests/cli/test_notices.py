"""Warnings and failures say which file they are about, each in a line of its own."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from watermarking.cli import batch, capacity
from watermarking.cli.notices import BAD_INPUT, FAILED, Failure, heard_by, warnings_as_lines
from watermarking.cli.pictures import load
from watermarking.errors import CapacityError, FileAccessError, FileFormatError, VerificationError
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

NAMES = ["a.png", "b.jpg", "unter/ç.png"]


@pytest.mark.parametrize("how", [["--workers", 1], []])
def test_every_picture_has_its_warning(
    run: Run, folder: Path, keyfile: Path, monkeypatch: pytest.MonkeyPatch, how: list[Any]
) -> None:
    """Python by itself shows a warning from one place once."""
    monkeypatch.setenv("WATERMARKING_THREADS", "1")  # in this process, where the method is replaced
    real = Marker.embed_file

    def warn(self: Marker, source: Any, *args: Any, **how: Any) -> Any:
        warnings.warn("a chunk\nwas lost", stacklevel=2)
        warnings.warn("a chunk\nwas lost", stacklevel=2)
        return real(self, source, *args, **how)

    monkeypatch.setattr(Marker, "embed_file", warn)
    result = run("embed", folder, "--in-place", "-m", "hi", "-k", keyfile, *how)
    assert result.exit_code == 0
    lines = [f"watermarking: warning: {folder / name}: a chunk was lost" for name in NAMES]
    assert [line for line in result.stderr.splitlines() if "compiling" not in line] == lines
    alone = run("embed", folder / "a.png", "--in-place", "-m", "hi", "-k", keyfile)
    assert alone.stderr.splitlines() == lines[:1]


def test_readers_name_the_file_too(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(file: str) -> Any:
        warnings.warn("a chunk was lost", stacklevel=2)
        warnings.warn(f"{file} is odd", stacklevel=2)
        return load(file)

    monkeypatch.setattr(capacity, "load", warn)
    told = run("capacity", folder).stderr.splitlines()[1:]
    assert told == [
        line
        for name in NAMES
        for line in (
            f"watermarking: warning: {folder / name}: a chunk was lost",
            f"watermarking: warning: {folder / name} is odd",
        )
    ]


def test_warnings_go_to_who_hears_them(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []
    with warnings_as_lines():
        with heard_by(heard.append):
            warnings.warn("inside", stacklevel=1)
        warnings.warn("outside", stacklevel=1)
    assert heard == ["inside"]
    assert capsys.readouterr().err == "watermarking: warning: outside\n"


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (CapacityError("too long"), BAD_INPUT, "too long"),
        (FileFormatError("a\nb.png is none"), BAD_INPUT, r"a\nb.png is none"),
        (FileNotFoundError(2, "No such file", "a\nb"), BAD_INPUT, r"a\nb: No such file"),
        (FileAccessError("disk full"), FAILED, "disk full"),
        (VerificationError("not read back"), FAILED, "not read back"),
        (MemoryError(), FAILED, "not enough memory for this picture"),
        (KeyError("x\ny"), FAILED, r"KeyError: 'x\ny' (this should not happen: --debug shows where it arose)"),
    ],
)
def test_failures(error: Exception, status: int, line: str) -> None:
    failure = Failure.of(error)
    assert (failure.status, failure.line) == (status, line)
    assert type(error).__name__ in failure.trace


@pytest.mark.parametrize(("given", "threads", "expected"), [([], "3", 3), (["--workers", 5], "3", 5), ([], "1", 1)])
def test_as_many_workers_as_threads(
    run: Run,
    folder: Path,
    keyfile: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: list[Any],
    threads: str,
    expected: int,
) -> None:
    asked: list[int] = []

    def outcomes(_run: object, _tasks: object, n_workers: int) -> Iterator[object]:
        asked.append(n_workers)
        yield from ()

    monkeypatch.setenv("WATERMARKING_THREADS", threads)
    monkeypatch.setattr(batch, "outcomes", outcomes)
    assert run("embed", folder, "--in-place", "-m", "hi", "-k", keyfile, *given).exit_code == 0
    assert asked == [expected]
