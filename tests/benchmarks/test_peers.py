"""Other packages run in processes of their own; whatever they do there is a row here."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import peers
from harness.marking import mark_attack_read
from harness.photographs import Photograph
from harness.workers import compute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = """
import json, sys
for line in sys.stdin.buffer:
    asked = json.loads(line)
    pixels = sys.stdin.buffer.read(asked["n_bytes"])
    if asked["do"] == "hello":
        answer, content = {}, b""
    elif asked["peer"] == "dying":
        sys.exit(3)
    elif asked["peer"] == "refusing":
        answer, content = {"refused": "32 bits, not more"}, b""
    elif asked["peer"] == "failing":
        answer, content = {"failed": "ValueError: no idea"}, b""
    elif asked["do"] == "embed":
        own, floor = asked["strength"] is None, 40 if asked["peer"] == "clumsy" else 0
        change = 0.5 * (1 if own else asked["strength"])
        noise = (i * i * 7919 % 97 / 8 - 6 for i in range(len(pixels)))
        content = bytes(max(0, min(255, round(v + change * n + floor * (n > 0)))) for v, n in zip(pixels, noise))
        answer = {"shape": asked["shape"]}
    elif asked["peer"] == "silent":
        answer, content = {"shape": [0], "checks": True}, b""
    else:
        answer, content = {"shape": [asked["n_bits"]], "checks": asked["peer"] == "lying"}, bytes(asked["n_bits"])
    answer["n_bytes"] = len(content)
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\\n" + content)
    sys.stdout.buffer.flush()
"""


@pytest.fixture(autouse=True)
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a stand-in where the peers' interpreter is expected: it serves peers that behave as they are called."""
    server = tmp_path / "server.py"
    server.write_text(SERVER, "utf-8")
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{server}"\n', "utf-8")
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PEERS_PYTHON", str(stand_in))
    peers._process().close()
    peers._floors.clear()
    yield
    peers._process().close()


def row_of(peer: str, folder: Path, **strength: float | str) -> dict[str, object]:
    pictures = {"a": Photograph("a", folder / "a.png")}
    cell = {
        "scheme": f"peer:{peer}",
        "photograph": "a",
        "key": 0,
        **(strength or {"psnr": 42.0}),
        "bytes": 1,
        "attack": "none",
        "seed": 1,
    }

    def measure(cells: list[dict[str, object]]) -> list[dict[str, object]]:
        return mark_attack_read(cells, pictures=pictures)

    return next(results[0] for _, results in compute(measure, [[cell]], 0))


def test_a_peer_is_asked_at_the_psnr_of_our_choice(folder: Path) -> None:
    row = row_of("honest", folder)
    assert row["status"] == "done"
    assert 41.9 < float(str(row["PSNR"])) < 42.4
    assert row["read"] is False


@pytest.mark.parametrize("score", [80.0, 85.0, 90.0])
def test_a_peer_is_asked_at_the_score_of_our_choice(folder: Path, score: float) -> None:
    row = row_of("honest", folder, fidelity=score)
    assert row["status"] == "done"
    assert abs(float(str(row["SSIMULACRA2"])) - score) <= 1.0  # its noise is rounded: scores come in steps
    again = row_of("honest", folder, fidelity=score)  # whatever was measured before
    assert again["SSIMULACRA2"] == row["SSIMULACRA2"]


def test_a_peer_has_a_strength_of_its_own(folder: Path) -> None:
    row = row_of("honest", folder, fidelity="own")
    assert (row["status"], row["read"]) == ("done", False)
    peer = peers.Peer("honest", fidelity="own")
    marked = peer.embed(np.full((64, 64, 3), 90, np.uint8), b"x")
    assert peer.strength == 1.0
    assert np.ptp(marked) == 6


def test_what_leaves_less_than_is_aimed_at_is_compared_at_its_own(folder: Path) -> None:
    row = row_of("clumsy", folder, fidelity=88.0)
    assert row["status"] == "impossible"
    assert "compare it at its own strength" in str(row["reason"])
    assert row_of("clumsy", folder, fidelity="own")["status"] == "done"
    assert row_of("clumsy", folder, psnr=42.0)["status"] == "done"  # as it always was: at its own strength


def test_a_method_without_a_strength_takes_none(folder: Path) -> None:
    row = row_of("invisible-watermark/rivaGan", folder, fidelity=88.0)
    assert row["status"] == "impossible"
    assert "'own'" in str(row["reason"])


def test_wrong_bits_that_passed_a_check_are_a_wrong_message(folder: Path) -> None:
    rows = [row_of(peer, folder, fidelity="own") for peer in ("honest", "lying", "silent")]
    assert [row["wrong"] for row in rows] == [False, True, False]
    assert [row["ber"] is None for row in rows] == [False, False, True]
    assert not any(row["read"] for row in rows)


@pytest.mark.parametrize(
    ("peer", "status", "reason"),
    [
        ("dying", "crashed", "its process died"),
        ("failing", "crashed", "ValueError: no idea"),
        ("refusing", "impossible", "32 bits, not more"),
    ],
)
def test_what_goes_wrong_is_a_row(folder: Path, peer: str, status: str, reason: str) -> None:
    row = row_of(peer, folder)
    assert row["status"] == status
    assert reason in str(row["reason"])
    assert row_of("honest", folder)["status"] == "done"  # the next one gets a new process


def test_a_peer_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEERS_PYTHON", "/bin/false")
    assert "make peers" in (peers.unavailable("blind-watermark") or "")
    peers._process().close()
    monkeypatch.setenv("PEERS_PYTHON", "/no/such/python")
    assert "make peers" in (peers.unavailable("blind-watermark") or "")


def test_grey_pictures_are_given_as_colour() -> None:
    marked = peers.Peer("honest", psnr=42.0).embed(np.full((64, 64), 90, np.uint8), b"x")
    assert marked.shape == (64, 64, 3)
