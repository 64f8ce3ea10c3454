"""Every mistake gets one clear line, the right status, and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Run


def fails(run: Run, status: int, hint: str, *args: object, stdin: bytes | None = None) -> None:
    """Call the command line and check the status, and that stderr is one line that holds the hint."""
    result = run(*args, stdin=stdin)
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if "compiling for this machine" not in line]
    assert len(lines) == 1, result.stderr
    assert hint in lines[0]
    assert "should not happen" not in lines[0]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.png"


@pytest.fixture(autouse=True)
def leaves_nothing(tmp_path: Path) -> Iterator[None]:
    yield
    assert not [file for file in tmp_path.rglob("*") if file.name.startswith((".", "out"))]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["embd"], "No such command 'embd'"),
        (["embed"], "Missing argument 'IN...'"),
        (["embed", "IN", "-m", "x", "-k", "KEY"], "one of -o OUT and --in-place"),
        (["embed", "IN", "-o", "OUT", "--in-place", "-m", "x", "-k", "KEY"], "one of -o OUT and --in-place"),
        (["embed", "IN", "-o", "OUT", "-k", "KEY"], "one of -m, --message-hex and --message-file"),
        (["embed", "IN", "-o", "OUT", "-m", "x", "--message-hex", "00", "-k", "KEY"], "one of -m"),
        (["embed", "IN", "-o", "OUT", "--message-hex", "0x0", "-k", "KEY"], "hexadecimal digits"),
        (["embed", "IN", "-o", "OUT", "--message-file", "nowhere", "-k", "KEY"], "No such file"),
        (["embed", "IN", "-o", "OUT", "-m", "x"], "WATERMARKING_KEY"),
        (["embed", "IN", "-o", "OUT", "-m", "x", "-k", "nowhere"], "cannot read the key file nowhere"),
        (["embed", "IN", "-o", "OUT", "-m", "x", "-k", "IN"], "is not a key file"),
        (["embed", "IN", "-o", "OUT", "-m", "x", "-k", "KEY", "--scheme", "dctt"], "did you mean 'dct'?"),
        (["embed", "IN", "-o", "OUT", "-m", "x", "-k", "KEY", "--psnr", "nan"], "PSNR"),
        (["embed", "IN", "-o", "OUT", "-m", "x", "-k", "KEY", "--psnr", "500"], "PSNR"),
        (["embed", "IN", "-o", "OUT", "-m", "x", "-k", "KEY", "--psnr", "loud"], "not a valid float"),
        (["embed", "IN", "-o", "OUT", "-m", "x", "-k", "KEY", "--quality", "0"], "1<=x<=100"),
        (["embed", "IN", "-o", "OUT", "-m", "y" * 9999, "-k", "KEY"], "9999"),
        (["embed", "IN", "-o", "OUT", "-m", "", "-k", "KEY"], "The message is empty: give a text"),
        (["embed", "IN", "-o", "OUT", "--message-file", "NOTHING", "-k", "KEY"], "The message in nothing.txt is empty"),
        (["embed", "IN", "-o", "OUT", "-m", "\udcff", "-k", "KEY"], "not valid UTF-8"),
        (["embed", "IN", "-o", "-", "--json", "-m", "x", "-k", "KEY"], "name a file with -o"),
        (["embed", "IN", "-o", "IN", "-m", "x", "-k", "KEY"], "is the input"),
        (["embed", "IN", "-o", "KEY", "-m", "x", "-k", "KEY"], "exists already"),
        (["embed", "IN", "-o", "nowhere/out.png", "-m", "x", "-k", "KEY"], "no folder nowhere"),
        (["embed", "IN", "-o", "OUT.xyz", "-m", "x", "-k", "KEY"], ".xyz"),
        (["embed", "nowhere.png", "-o", "OUT", "-m", "x", "-k", "KEY"], "nowhere.png"),
        (["embed", "KEY", "-o", "OUT", "-m", "x", "-k", "KEY"], "not a picture file"),
        (["extract", "nowhere.png", "-k", "KEY"], "nowhere.png"),
        (["extract", "KEY", "-k", "KEY"], "not a picture file"),
        (["extract", "EMPTY", "-k", "KEY"], "holds no pictures"),
        (["embed", "EMPTY", "-o", "OUTDIR", "-m", "x", "-k", "KEY"], "holds no pictures"),
        (["detect", "IN", "-m", "x", "-k", "KEY", "--fpr", "0"], "0<x<1"),
        (["attack", "IN", "jpg(50)", "-o", "OUT"], "jpg"),
        (["attack", "IN", "jpeg(500)", "-o", "OUT"], "500"),
        (["attack", "IN", "__import__('os')", "-o", "OUT"], "__import__"),
        (["keygen", "KEY"], "never overwritten"),
        (["keygen", "nowhere/key"], "cannot write the key file"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_requests(
    run: Run,
    picture: Path,
    keyfile: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    hint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leer").mkdir()
    (tmp_path / "nothing.txt").touch()
    names = {"IN": picture, "KEY": keyfile, "OUT": "out.png", "OUT.xyz": "out.xyz", "OUTDIR": "outdir", "EMPTY": "leer"}
    names["NOTHING"] = "nothing.txt"
    fails(run, 2, hint, *[names.get(argument, argument) for argument in arguments])


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a" + bytes(99), b"\x89PNG\r\n\x1a\n" + bytes(99), b"\xff\xd8\xff" + bytes(99)]
)
def test_damaged_pictures(run: Run, keyfile: Path, tmp_path: Path, out: Path, content: bytes) -> None:
    file = tmp_path / "broken.png"
    file.write_bytes(content)
    for arguments in (["extract"], ["detect", "-m", "x"], ["embed", "-m", "x", "-o", out]):
        fails(run, 2, "broken.png", arguments[0], file, "-k", keyfile, *arguments[1:])
    fails(run, 2, "broken.png", "capacity", file)
    fails(run, 2, "broken.png", "attack", file, "blur(1)", "-o", out)
    fails(run, 2, "picture", "embed", "-", "-o", "-", "-m", "x", "-k", keyfile, stdin=b"no picture")


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (40, 40)])
def test_small_pictures(run: Run, keyfile: Path, tmp_path: Path, out: Path, size: tuple[int, int]) -> None:
    file = tmp_path / "small.png"
    Image.new("RGB", size, (90, 120, 60)).save(file)
    fails(run, 2, "larger", "embed", file, "-o", out, "-m", "x" * 40, "-k", keyfile)
    assert run("extract", file, "-k", keyfile, "--json").exit_code == 1
    assert run("capacity", file).exit_code == 0


def test_a_wide_strip(run: Run, keyfile: Path, tmp_path: Path, out: Path) -> None:
    file = tmp_path / "strip.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (3, 100_000, 3), np.uint8)).save(file)
    assert run("extract", file, "-k", keyfile).exit_code == 1
    assert run("embed", file, "-o", out, "-m", "x" * 300, "-k", keyfile).exit_code == 2


def test_a_short_key(run: Run, picture: Path, tmp_path: Path) -> None:
    file = tmp_path / "short.key"
    file.write_text("watermarking-key-v1 0011")
    file.chmod(0o600)
    fails(run, 2, "2 bytes, at least 16", "extract", picture, "-k", file)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_key_that_others_can_read(run: Run, picture: Path, keyfile: Path) -> None:
    keyfile.chmod(0o644)
    result = run("capacity", picture)
    assert result.stderr == ""
    result = run("extract", picture, "-k", keyfile)
    assert result.exit_code == 1
    assert f"watermarking: warning: other users can read the key file {keyfile}" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(run: Run, picture: Path, keyfile: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = os.open

    def full(path: str, flags: int, mode: int = 0o777, **how: int) -> int:
        return real_open("/dev/full" if str(path).endswith(".part") else path, flags & ~os.O_EXCL, mode, **how)

    monkeypatch.setattr(os, "open", full)
    fails(run, 3, "No space left on device", "embed", picture, "-o", out, "-m", "x", "-k", keyfile)


def test_no_arguments_show_the_help(run: Run) -> None:
    result = run()
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


def test_debug_shows_where(run: Run, keyfile: Path) -> None:
    for arguments in (["--debug", "extract", "nowhere.png"], ["extract", "nowhere.png", "--debug"]):
        result = run(*arguments, "-k", keyfile)
        assert result.exit_code == 2
        assert "Traceback" in result.stderr
