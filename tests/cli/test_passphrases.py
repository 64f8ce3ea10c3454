"""Passphrases: asked for, from a file or a variable, never part of the command; and what salt is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from watermarking.cli import key_options, main
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.pictures.files import read_picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

WORDS, SALT = "correct horse battery staple", "my project"
BY_PASSPHRASE = ("--passphrase", "--salt", SALT)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATERMARKING_PASSPHRASE", WORDS)


def test_a_passphrase_marks_and_reads(run: Run, picture: Path, tmp_path: Path, typed: None) -> None:
    out = tmp_path / "out.png"
    assert run("embed", picture, "-o", out, "-m", "hi", *BY_PASSPHRASE).exit_code == 0
    assert run("extract", out, *BY_PASSPHRASE).stdout == "hi\n"
    assert run("extract", out, "--passphrase", "--salt", "another").exit_code == 1
    key = Key.from_passphrase(WORDS, salt=SALT)
    assert Marker(key=key).extract(read_picture(out).array).text == "hi"  # the same key as in Python


def test_it_may_be_in_a_file(run: Run, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, file = tmp_path / "out.png", tmp_path / "words.txt"
    file.write_text(f"{WORDS}\r\n")
    monkeypatch.setenv("WATERMARKING_SALT", SALT)
    assert run("embed", picture, "-o", out, "-m", "hi", "--passphrase-file", file).exit_code == 0
    monkeypatch.setenv("WATERMARKING_PASSPHRASE", WORDS)
    assert run("extract", out, "--passphrase").stdout == "hi\n"


def test_it_is_asked_for_twice_when_marking(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_options, "_at_terminal", lambda: True)
    monkeypatch.delenv("WATERMARKING_PASSPHRASE", raising=False)
    out = str(tmp_path / "out.png")

    def call(*args: str, typing: str) -> Result:
        return CliRunner().invoke(main, [*args, *BY_PASSPHRASE], input=typing)

    marking = ("embed", str(picture), "-o", out, "-m", "hi")
    slipped = call(*marking, typing=f"{WORDS}\n{WORDS}x\n")
    assert slipped.exit_code != 0
    assert not (tmp_path / "out.png").exists()
    done = call(*marking, typing=f"{WORDS}\n{WORDS}\n")
    assert done.exit_code == 0, done.output
    assert WORDS not in done.output
    read = call("extract", out, typing=f"{WORDS}\n")
    assert (read.exit_code, read.stdout) == (0, "hi\n")
    assert WORDS not in read.output


def test_a_key_file_and_a_passphrase_to_read(
    run: Run, picture: Path, keyfile: Path, tmp_path: Path, typed: None
) -> None:
    out = tmp_path / "out.png"
    run("embed", picture, "-o", out, "-m", "hi", *BY_PASSPHRASE)
    read = run("extract", out, "-k", keyfile, *BY_PASSPHRASE)
    assert "found with passphrase, scheme" in read.stderr


def test_what_is_typed_goes_before_the_environment(
    run: Run, picture: Path, keyfile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: None
) -> None:
    monkeypatch.setenv("WATERMARKING_SALT", SALT)
    run("embed", picture, "-o", tmp_path / "out.png", "-m", "hi", *BY_PASSPHRASE)
    run("embed", picture, "-o", tmp_path / "file.png", "-m", "hi", "-k", keyfile)
    monkeypatch.setenv("WATERMARKING_KEY", str(keyfile))
    assert run("extract", tmp_path / "out.png", "--passphrase").exit_code == 0
    assert run("extract", tmp_path / "file.png", "--passphrase").exit_code == 1
    assert run("extract", tmp_path / "file.png").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--passphrase"], "A passphrase needs --salt NAME too: it is no secret"),
        (["--salt", SALT, "-k", "KEY"], "--salt goes with --passphrase"),
        (["--passphrase", "--salt", SALT], "No terminal to ask for the passphrase at"),
        (["--passphrase", "--passphrase-file", "WORDS", "--salt", SALT], "not both"),
        (["-k", "KEY", "--passphrase-file", "WORDS", "--salt", SALT], "a key file or a passphrase, not both"),
        (["--passphrase-file", "nowhere", "--salt", SALT], "cannot read the passphrase in nowhere: No such file"),
        (["--passphrase-file", "KEY", "--salt", SALT], "is a key file, not a passphrase: give it to -k"),
        (["--passphrase-file", "LINES", "--salt", SALT], "holds 2 lines: a passphrase is one"),
        (["--passphrase-file", "EMPTY", "--salt", SALT], "holds 0 lines"),
        (["--passphrase-file", "BYTES", "--salt", SALT], "holds no text"),
        (["-k", "WORDS"], "is not a key file: make one with 'watermarking keygen words.key', or, if a passphrase"),
        (["-k", "WORDS"], "say --passphrase-file words.txt --salt NAME"),
        ([], "Or a passphrase: --passphrase --salt NAME."),
    ],
)  # fmt: skip
def test_mistakes(
    run: Run, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], hint: str
) -> None:
    monkeypatch.delenv("WATERMARKING_PASSPHRASE", raising=False)
    monkeypatch.chdir(tmp_path)
    contents = {"WORDS": WORDS.encode(), "LINES": b"a\nb", "EMPTY": b"", "BYTES": b"\xff\xfe"}
    for name, content in contents.items():
        (tmp_path / f"{name.lower()}.txt").write_bytes(content)
    Key(bytes(range(32))).save(tmp_path / "key.txt")
    files = {name: f"{name.lower()}.txt" for name in (*contents, "KEY")}
    result = run("embed", picture, "-o", "out.png", "-m", "hi", *[files.get(one, one) for one in arguments])
    assert result.exit_code == 2
    assert hint in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert WORDS not in result.output
    assert not (tmp_path / "out.png").exists()


def test_the_way_out_of_a_text_taken_for_a_key_works(
    run: Run, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is there already, what the message names can be typed as it is."""
    import shlex

    monkeypatch.chdir(tmp_path)
    (tmp_path / "my words.key").write_text(WORDS)
    (tmp_path / "my words-2.key").write_text("taken")
    told = run("extract", picture, "-k", "my words.key").stderr
    command = told.split("keygen ")[1].split("', or")[0]
    assert run("keygen", *shlex.split(command)).exit_code == 0
    option = shlex.split(told.split("say ")[1].split(" --salt")[0])
    assert run("extract", picture, *option, "--salt", SALT).exit_code == 1  # it reads, and finds nothing


def test_a_missing_key_file_says_how_to_make_it(run: Run, picture: Path, tmp_path: Path) -> None:
    missing = tmp_path / "no such.key"
    told = run("extract", picture, "-k", missing)
    assert f"make one with 'watermarking keygen '{missing}''" in told.stderr
