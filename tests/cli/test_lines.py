"""One line stays one line, on any terminal, whatever a name or a message holds."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run, texture
from watermarking.cli.lines import can_print, say, shown, write
from watermarking.cli.output import print_record
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.pictures.files import write_picture

posix = pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
TERMINALS = {
    "utf-8": {"PYTHONIOENCODING": "utf-8"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Grüße, 世界 🌊", "Grüße, 世界 🌊"),
        ("a\nb\r\x1b[31m\x7f\x85", r"a\nb\r\x1b[31m\x7f\x85"),
        ("a\u2028b\u202egnp.exe", r"a\u2028b\u202egnp.exe"),
        ("b\udcffld", r"b\xffld"),
        ("\ud800", r"\ud800"),
        ("narrow\u202fspace, \u200djoined", "narrow\u202fspace, \u200djoined"),
    ],
)
def test_what_is_escaped(text: str, expected: str) -> None:
    assert shown(text) == expected
    assert shown(expected) == expected


@pytest.mark.parametrize(("encoding", "expected"), [("ascii", b"?? ?\n"), ("latin-1", b"\xe9? ?\n"), ("utf-8", None)])
def test_what_a_stream_lacks_is_replaced(
    monkeypatch: pytest.MonkeyPatch, encoding: str, expected: bytes | None
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding, newline="\n"))
    say("é世 🌊")
    assert raw.getvalue() == (expected or "é世 🌊\n".encode())
    assert can_print("é") == (encoding != "ascii")
    print_record({"file": "é\udcff"})
    assert json.loads(raw.getvalue().splitlines()[1]) == {"file": "é\udcff"}


def test_without_a_console_nothing_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    write("nobody reads this")
    assert can_print("世")


def call(*args: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "watermarking", *map(str, args)]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environment})


@pytest.mark.parametrize("terminal", TERMINALS)
def test_a_message_that_the_terminal_lacks(keyfile: Path, tmp_path: Path, terminal: str) -> None:
    file, text = tmp_path / "bild.png", "© 世界"
    write_picture(Marker(key=Key(bytes(range(32)))).embed(texture(256, 384), text), file)
    read = call("extract", file, "-k", keyfile, **TERMINALS[terminal])
    assert read.returncode == 0, read.stderr
    assert read.stdout == {"latin-1": b"\xa9 ??\n", "utf-8": f"{text}\n".encode()}.get(terminal, b"? ??\n")
    assert (text.encode().hex().encode() in read.stderr) == (terminal != "utf-8")
    if terminal == "C":
        record = json.loads(call("extract", file, "-k", keyfile, "--json", **TERMINALS[terminal]).stdout)
        assert (record["message"], record["message_hex"]) == (text, text.encode().hex())
        assert call("detect", file, "-m", text, "-k", keyfile, **TERMINALS[terminal]).returncode == 0


@posix
def test_odd_names_in_text_and_json(keyfile: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bilder"
    folder.mkdir()
    file = os.fsdecode(os.fsencode(folder) + b"/a\nb\x1b[2J\xffld \xe6\x97\xa5.png")
    write_picture(texture(256, 256), file)
    Path(os.fsdecode(os.fsencode(folder) + b"/c\nd\xff.txt")).touch()
    for environment in (TERMINALS["utf-8"], TERMINALS["C"]):
        for command in (["embed", folder, "--in-place", "-m", "Ada", "-v"], ["extract", folder, "-v"]):
            done = call(*command, "-k", keyfile, **environment)
            assert done.returncode == 0, done.stderr
            assert not {0x1B, 0xFF, 0x0D} & {*done.stdout, *done.stderr}
            for line in (done.stdout + done.stderr).splitlines():
                assert line.startswith((b"watermarking: ", os.fsencode(folder), b"Ada")), line
            assert rb"c\nd\xff.txt" in done.stderr
        row = json.loads(call("extract", folder, "-k", keyfile, "--json", **environment).stdout)
        assert (os.fsencode(row["file"]), row["message"]) == (os.fsencode(file), "Ada")


@posix
def test_odd_names_in_failures(run: Run, keyfile: Path, tmp_path: Path) -> None:
    file = os.fsdecode(os.fsencode(tmp_path) + b"/a\nb\xff.png")
    Path(file).write_bytes(b"no picture")
    for command in (("extract", file), ("embed", file, "-o", tmp_path / "out.png", "-m", "x"), ("extract", f"{file}x")):
        done = run(*command, "-k", keyfile)
        assert done.exit_code == 2
        lines = [line for line in done.stderr.splitlines() if "compiling for this machine" not in line]
        assert len(lines) == 1
        assert r"a\nb" in lines[0]
        assert "\udcff" not in lines[0]
