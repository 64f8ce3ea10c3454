"""The subcommands do what they say: names, arguments, JSON fields and exit statuses are relied on by others."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from watermarking.keys import Key
from watermarking.registry import scheme_ids

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

READING = [
    "file", "found", "message", "message_hex", "scheme", "p_value", "bit_error_rate", "geometry", "outline", "key",
    "searched_at", "error",
]
TEXT = "(c) Ada ✓"


@pytest.fixture
def marked(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> Path:
    file = tmp_path / "märked.png"
    result = run("embed", picture, "-o", file, "-m", TEXT, "-k", keyfile)
    assert result.exit_code == 0, result.output
    return file


def test_keygen_makes_a_private_key(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.key"
    result = run("keygen", file)
    assert result.exit_code == 0
    assert Key.from_file(file).commitment in result.stdout
    again = run("keygen", file)
    assert again.exit_code == 2
    assert "never overwritten" in again.stderr


def test_embed_says_what_it_did(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> None:
    result = run("embed", picture, "-o", tmp_path / "out.png", "-m", TEXT, "-k", keyfile)
    assert result.exit_code == 0
    for part in ("PSNR 4", "dB", "SSIM 0.9", "bit error rate 0.00%", "message read back"):
        assert part in result.stdout


def test_embed_json(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.png"
    result = run("embed", picture, "-o", file, "--message-hex", "00ff10", "-k", keyfile, "--no-verify", "--json")
    record = json.loads(result.stdout)
    assert record["message"] is None
    assert (record["file"], record["output"], record["message_hex"]) == (str(picture), str(file), "00ff10")
    assert record["verified"] is False


def test_the_peak_of_16_bit_samples_may_be_stated(run: Run, keyfile: Path, tmp_path: Path) -> None:
    grey = np.add.outer(np.arange(256), np.arange(256)).astype(np.uint16) * 2  # 1,020 at most: 10 bits by itself
    Image.fromarray(grey).save(tmp_path / "in.png")
    figures = []
    for stated in ([], ["--peak", "4095"]):
        out = tmp_path / "out.png"
        result = run(
            "embed", tmp_path / "in.png", "-o", out, "-m", "x", "-k", keyfile, "--json", "--force",
            "--psnr", "42", *stated,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        figures.append(float(np.abs(np.asarray(Image.open(out)).astype(float) - grey).mean()))
    assert figures[1] == pytest.approx(4 * figures[0], rel=0.1)


def test_extract_prints_the_message_alone(run: Run, marked: Path, keyfile: Path) -> None:
    result = run("extract", marked, "-k", keyfile)
    assert (result.exit_code, result.stdout) == (0, f"{TEXT}\n")
    assert "found, scheme" in result.stderr


def test_extract_json(run: Run, marked: Path, keyfile: Path) -> None:
    result = run("extract", marked, "-k", keyfile, "--json")
    record = json.loads(result.stdout)
    assert list(record) == READING
    assert (record["found"], record["message"], record["message_hex"]) == (True, TEXT, TEXT.encode().hex())
    assert record["scheme"] in scheme_ids()
    assert 0 < record["p_value"] < 1e-6
    assert record["bit_error_rate"] == 0
    assert record["geometry"] is None


def test_an_unmarked_picture_has_no_message(run: Run, picture: Path, keyfile: Path) -> None:
    result = run("extract", picture, "-k", keyfile, "--json")
    record = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (record["found"], record["message"], record["message_hex"]) == (False, None, None)
    assert run("extract", picture, "-k", keyfile).stdout == ""


def test_another_key_reads_nothing(run: Run, marked: Path, tmp_path: Path) -> None:
    run("keygen", tmp_path / "other.key")
    assert run("extract", marked, "-k", tmp_path / "other.key").exit_code == 1
    assert run("detect", marked, "-m", TEXT, "-k", tmp_path / "other.key").exit_code == 1


def test_one_of_several_keys_reads(run: Run, marked: Path, keyfile: Path, tmp_path: Path) -> None:
    run("keygen", tmp_path / "other.key")
    assert run("extract", marked, "-k", tmp_path / "other.key", "-k", keyfile).exit_code == 0


def test_the_key_may_come_from_the_environment(
    run: Run, marked: Path, keyfile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATERMARKING_KEY", str(keyfile))
    assert run("extract", marked).exit_code == 0


@pytest.mark.parametrize(("text", "status"), [(TEXT, 0), ("(c) Bob", 1)])
def test_detect_knows_the_message(run: Run, marked: Path, keyfile: Path, text: str, status: int) -> None:
    result = run("detect", marked, "-m", text, "-k", keyfile, "--json")
    record = json.loads(result.stdout)
    assert (result.exit_code, record["found"], record["message"]) == (status, status == 0, text)
    assert list(record) == READING


@pytest.mark.parametrize("scheme", ["additive", "additive_block", "bound", "dct", "deep", "dwt", "reversible"])
def test_every_scheme_can_be_named(run: Run, large: Path, keyfile: Path, tmp_path: Path, scheme: str) -> None:
    file = tmp_path / "marked.png"
    assert run("embed", large, "-o", file, "-m", "hi", "-k", keyfile, "--scheme", scheme).exit_code == 0
    for how in (["--scheme", scheme], []) if scheme not in ("deep", "reversible") else (["--scheme", scheme],):
        record = json.loads(run("extract", file, "-k", keyfile, "--json", *how).stdout)
        assert (record["message"], record["scheme"]) == ("hi", scheme)
        assert run("detect", file, "-m", "hi", "-k", keyfile, *how).exit_code == 0


def test_standard_streams(run: Run, picture: Path, keyfile: Path) -> None:
    embedded = run("embed", "-", "-o", "-", "-m", TEXT, "-k", keyfile, stdin=picture.read_bytes())
    assert embedded.exit_code == 0
    assert "PSNR" in embedded.stderr
    assert Image.open(io.BytesIO(embedded.stdout_bytes)).format == "PNG"
    read = run("extract", "-", "-k", keyfile, "--json", stdin=embedded.stdout_bytes)
    assert json.loads(read.stdout)["message"] == TEXT
    attacked = run("attack", "-", "brightness(0.8)", "-o", "-", stdin=embedded.stdout_bytes)
    assert run("detect", "-", "-m", TEXT, "-k", keyfile, stdin=attacked.stdout_bytes).exit_code == 0


def test_a_message_may_be_a_file(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> None:
    (tmp_path / "logo.bin").write_bytes(b"\x00\xff\x01")
    file = tmp_path / "out.png"
    assert run("embed", picture, "-o", file, "--message-file", tmp_path / "logo.bin", "-k", keyfile).exit_code == 0
    assert run("extract", file, "-k", keyfile).stdout == "00ff01\n"


def test_capacity(run: Run, picture: Path, folder: Path) -> None:
    alone = run("capacity", picture).stdout
    assert re.fullmatch(rf"{picture}: [1-9]\d* bytes fit at fidelity normal, [1-9]\d* of them with a reserve\n", alone)
    record = json.loads(run("capacity", "-", "--json", "--psnr", 42, stdin=picture.read_bytes()).stdout)
    assert (record["scheme"], record["height"], record["width"]) == ("dwt", 256, 384)
    assert (record["psnr"], record["fidelity"]) == (42, None)
    assert record["capacity"] >= record["with_reserve"] > 0
    assert len(run("capacity", folder).stdout.splitlines()) == 3


def test_schemes(run: Run) -> None:
    result = run("schemes")
    assert [line.split()[0] for line in result.stdout.splitlines()][:4] == list(scheme_ids()[:4])
    rows = [json.loads(line) for line in run("schemes", "--json").stdout.splitlines()]
    assert all(row["error"] is None and row["summary"] for row in rows)
    assert {row["id"] for row in rows if row["payload_kind"] == "picture"} == {"deep"}


def test_attack(run: Run, picture: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.png" for name in ("one", "same", "other")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        assert run("attack", picture, "noise(10) | jpeg(50)", "-o", file, "--seed", seed).exit_code == 0
    one, same, other = (np.asarray(Image.open(file)) for file in files)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert "jpeg" in run("attack", "--list").stdout


def test_help_is_there_for_everything(run: Run) -> None:
    listed = run("--help").stdout
    for name in ("keygen", "embed", "extract", "detect", "capacity", "schemes", "attack"):
        assert name in listed
        assert run(name, "-h").exit_code == 0
    assert run("--version").stdout.startswith("watermarking, version 0.")
