"""The commands of docs/web.md are run, and the limits it names are those in force."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("starlette", reason="the page needs the extra web")

from serving import serving

from watermarking.cli import main
from watermarking.web.settings import Limits

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/web.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_its_commands(tmp_path: Path) -> None:
    begin, ask = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    shutil.copy(ROOT / "benchmarks/photographs/flower.jpg", tmp_path / "photo.jpg")
    assert "watermarking web -k my.key" in begin  # how a server starts; here it does on a port of its own
    with serving(tmp_path) as one:
        script = "set -e\n" + ask.replace("http://127.0.0.1:8765/", one.address)
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["message"] == "Ada"


def test_its_limits() -> None:
    limits = Limits()
    for words in (
        f"| file | {limits.max_bytes / 1e6:g} MB |",
        f"| picture | {limits.max_pixels / 1e6:g} megapixels |",
        f"| pictures a minute from an address | {limits.per_minute} |",
        f"| marking or reading one | {limits.work_seconds:g} seconds |",
        f"| pictures at a time, and waiting | {limits.n_workers}, and {limits.n_waiting} |",
    ):
        assert words in PAGE
    said = CliRunner().invoke(main, ["web", "--help"]).output
    for option in re.findall(r"`(--[a-z-]+)", PAGE):
        assert option in said


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--host", "256.1.1.1"], "there is no address '256.1.1.1' to listen on"),
        (["--host", "203.0.113.7"], "cannot listen on 203.0.113.7 port 0"),
        (["--port", "70000"], "Invalid value for '--port'"),
        (["--scheme", "nothing"], "nothing"),
    ],
)
def test_a_server_that_cannot_start_says_why(tmp_path: Path, arguments: list[str], line: str) -> None:
    run = [sys.executable, "-m", "watermarking"]
    subprocess.run([*run, "keygen", "my.key"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        [*run, "web", "-k", "my.key", "--port", "0", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_missing_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ImportError")
    run = [sys.executable, "-m", "watermarking"]
    subprocess.run([*run, "keygen", "my.key"], cwd=tmp_path, check=True, capture_output=True)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*run, "web", "-k", "my.key"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "pip install 'watermarking[web]'" in done.stderr


@pytest.mark.parametrize(
    ("token", "line"),
    [
        ("short", "WATERMARKING_WEB_TOKEN is no token of 22 letters"),
        ("sixteen-letters-", "WATERMARKING_WEB_TOKEN is no token of 22 letters"),
        ("with a space in it, and long", "WATERMARKING_WEB_TOKEN is no token of 22 letters"),
        ("ümlaut-ümlaut-ümlaut-ümlaut", "WATERMARKING_WEB_TOKEN is no token of 22 letters"),
        ("abababababababababababababab", "WATERMARKING_WEB_TOKEN has 2 different characters, which can be guessed"),
    ],
)
def test_a_token_that_is_none(tmp_path: Path, token: str, line: str) -> None:
    CliRunner().invoke(main, ["keygen", str(tmp_path / "my.key")])
    done = CliRunner().invoke(
        main, ["web", "-k", str(tmp_path / "my.key"), "--port", "0", "--require-token"],
        env={"WATERMARKING_WEB_TOKEN": token},
    )  # fmt: skip
    assert done.exit_code == 2
    assert line in " ".join(done.output.split())
