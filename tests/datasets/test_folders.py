"""Folders of pictures: what is written, what is recorded, what is refused."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.datasets.conftest import KEY, Run, contents, encoded
from watermarking.datasets.manifest import BOOK, Manifest
from watermarking.datasets.stores import names
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_every_file_is_there_marked_in_its_format_and_recorded(folder: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "out"
    done = run.embed(folder, target)
    assert done.exit_code == 0, done.output
    assert done.output == f"{target}: 4 marked, 1 copied\n"
    before, after = contents(folder), contents(target)
    assert before.keys() == after.keys()
    assert after["labels.csv"] == before["labels.csv"]
    for name, data in after.items():
        if name != "labels.csv":
            assert Marker(key=KEY, search=0).extract_bytes(data).text == "Ada"
            assert data != before[name]
    with Image.open(folder / "cats/0.jpg") as source, Image.open(target / "cats/0.jpg") as marked:
        assert (marked.format, marked.quantization) == ("JPEG", source.quantization)  # type: ignore[attr-defined]
    records = {one.sample: one for one in Manifest.find(target).records()}
    assert [one.index for one in records.values()] == list(range(5))
    for name, record in records.items():
        assert record.sha256_before == hashlib.sha256(before[name]).hexdigest()
        assert record.sha256_after == hashlib.sha256(after[name]).hexdigest()
        assert record.reason is None
    assert (records["dog.png"].status, records["dog.png"].message) == ("marked", b"Ada")
    assert records["dog.png"].psnr == pytest.approx(40, abs=0.3)
    assert records["dog.png"].bit_error_rate is not None
    assert (records["labels.csv"].status, records["labels.csv"].message) == ("copied", None)


def test_the_manifest_never_holds_the_key(folder: Path, tmp_path: Path, run: Run) -> None:
    run.embed(folder, tmp_path / "out")
    secret = bytes(range(32))
    for path in (tmp_path / "out" / BOOK).rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes()
            assert secret.hex().encode() not in path.read_bytes()
    said = json.loads((tmp_path / "out" / BOOK / "run.json").read_text())
    assert said["key_commitment"] == KEY.commitment


def test_run_again_it_touches_nothing(folder: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "out"
    first = run.embed(folder, target)
    stamps = {path: path.stat().st_mtime_ns for path in target.rglob("*.[jp][pn]g")}
    assert run.embed(folder, target).output == first.output
    assert stamps == {path: path.stat().st_mtime_ns for path in target.rglob("*.[jp][pn]g")}


def test_fidelity_is_recorded_without_reading_back(folder: Path, tmp_path: Path, run: Run) -> None:
    done = run("embed", folder, "-o", tmp_path / "out", "-m", "Ada", "--workers", 1, "--no-verify", "--fidelity", 80)
    assert done.exit_code == 0, done.output
    record = Manifest.find(tmp_path / "out").look_up(["dog.png"])[0]
    assert record.fidelity == pytest.approx(80, abs=1.5)
    assert (record.psnr, record.bit_error_rate) == (None, None)


@pytest.mark.parametrize(("on_error", "word"), [("copy", "copied"), ("skip", "skipped")])
def test_what_cannot_be_marked_is_recorded(folder: Path, tmp_path: Path, run: Run, on_error: str, word: str) -> None:
    (folder / "broken.jpg").write_bytes(encoded(1)[:900])
    (folder / "empty.png").write_bytes(b"")
    (folder / "tiny.png").write_bytes(encoded(1, "PNG", side=16))
    (folder / "moving.gif").write_bytes(encoded(1, "GIF"))
    target = tmp_path / "out"
    done = run.embed(folder, target, "--on-error", on_error)
    assert done.exit_code == 2
    assert "4 of them could not be marked" in done.output
    assert "broken.jpg: " in done.output
    found = {one.sample: one for one in Manifest.find(target).records() if one.reason is not None}
    assert set(found) == {"broken.jpg", "empty.png", "tiny.png", "moving.gif"}
    assert {one.status for one in found.values()} == {word}
    assert (target / "broken.jpg").exists() == (on_error == "copy")
    if on_error == "copy":
        assert (target / "broken.jpg").read_bytes() == (folder / "broken.jpg").read_bytes()
    again = run.embed(folder, target, "--on-error", on_error)
    assert again.exit_code == 2  # as long as some are not marked
    assert run("verify", target, "--workers", 1).exit_code == 0


def test_stop_on_error_ends_the_run_and_goes_on_when_mended(folder: Path, tmp_path: Path, run: Run) -> None:
    whole = (folder / "dog.png").read_bytes()
    (folder / "dog.png").write_bytes(bytes(len(whole)))  # as long as the whole one
    stopped = run.embed(folder, tmp_path / "out", "--on-error", "stop")
    assert stopped.exit_code == 3
    assert "dog.png: " in stopped.output
    assert "not done: start it again" in stopped.output
    (folder / "dog.png").write_bytes(whole)
    assert run.embed(folder, tmp_path / "out", "--on-error", "stop").exit_code == 0


def test_templates_columns_and_keys_per_sample(folder: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "out"
    done = run.embed(folder, target, "--key-per-sample", message=("-m", "{folder}/{stem}-{index:04d}"))
    assert done.exit_code == 0, done.output
    record = Manifest.find(target).look_up(["cats/1.jpg"])[0]
    assert (record.message, record.index) == (b"cats/1-0001", 1)
    data = (target / "cats/1.jpg").read_bytes()
    assert record.key_label == "dataset/sample/1"
    assert Marker(key=KEY, search=0).extract_bytes(data).message is None
    assert Marker(key=KEY.derive(record.key_label), search=0).extract_bytes(data).text == "cats/1-0001"
    assert run("verify", target, "--workers", 1).output == f"{target}: 5 samples read back, all well\n"
    table = run("extract", target, "--manifest", target, "--search", 0, "--scheme", "dwt", "--workers", 1)
    assert "cats/1.jpg\tcats/1-0001\n" in table.output
    bad = run.embed(folder, tmp_path / "bad", message=("-m", "{customer}"))
    assert bad.exit_code == 2
    assert "has no field 'customer'" in bad.output


def odd_names(place: Path) -> None:
    for name in ("two\nlines.jpg", "caf\udce9.jpg", "A.JPG", "a.jpg", "n" * 251 + ".jpg", "..dots.jpg", "ü ö.jpg"):
        (place / name).write_bytes(encoded(3))
    (place / "loop").symlink_to(place)
    (place / "ring.jpg").symlink_to("ring.jpg")


def test_odd_names_go_along(tmp_path: Path, run: Run) -> None:
    source, target = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    odd_names(source)
    done = run.embed(source, target)
    assert done.exit_code == 0, done.output
    assert {os.fsencode(path.name) for path in target.glob("*.[jJ]*")} == {
        os.fsencode(path.name) for path in source.glob("*.[jJ]*") if path.name not in ("ring.jpg", "..dots.jpg")
    }
    assert run("verify", target, "--workers", 1).exit_code == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipes_are_not_waited_for(folder: Path, tmp_path: Path, run: Run) -> None:
    os.mkfifo(folder / "pipe.jpg")
    done = run.embed(folder, tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "out/pipe.jpg").exists()
    assert "1 passed over (no regular file)" in run.embed(folder, tmp_path / "other", "--dry-run").output


def same(folder: Path, tmp_path: Path) -> Path:
    return folder


def inside(folder: Path, tmp_path: Path) -> Path:
    return folder / "out"


def above(folder: Path, tmp_path: Path) -> Path:
    return folder.parent


def linked(folder: Path, tmp_path: Path) -> Path:
    (tmp_path / "link").symlink_to(folder)
    return tmp_path / "link"


def full(folder: Path, tmp_path: Path) -> Path:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    return tmp_path / "full"


@pytest.mark.parametrize("target", [same, inside, above, linked, full])
def test_targets_that_are_refused(folder: Path, tmp_path: Path, run: Run, target: Callable[..., Path]) -> None:
    before = contents(folder)
    done = run.embed(folder, target(folder, tmp_path))
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"message": ("-m", "Bob")}, "another message"),
        ({"args": ("--fidelity", "80")}, "another fidelity"),
        ({"args": ("--key-per-sample",)}, "another keys per sample"),
    ],
)
def test_a_target_of_another_run_is_refused(
    folder: Path, tmp_path: Path, run: Run, changed: dict[str, Any], said: str
) -> None:
    target = tmp_path / "out"
    assert run("embed", folder, "-o", target, "-m", "Ada", "--workers", 1).exit_code == 0
    message, args = changed.get("message", ("-m", "Ada")), changed.get("args", ())
    done = run("embed", folder, "-o", target, *message, "--workers", 1, *args)
    assert done.exit_code == 2
    assert said in done.output


def test_another_key_and_another_source_are_refused(folder: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "out"
    assert run.embed(folder, target).exit_code == 0
    (folder / "new.jpg").write_bytes(encoded(9))
    assert "another content of the source" in run.embed(folder, target).output
    (folder / "new.jpg").unlink()
    run.keyfile.unlink()
    KEY.derive("another").save(run.keyfile)
    assert "another key" in run.embed(folder, target).output
    assert run("verify", target).exit_code == 2


def test_dry_run_and_sample_write_nothing(folder: Path, tmp_path: Path, run: Run) -> None:
    plan = run.embed(folder, tmp_path / "out", "--dry-run")
    assert plan.exit_code == 0
    assert "folder, 5 samples in 1 shards" in plan.output
    tried = run.embed(folder, tmp_path / "out", "--sample", 3, "--json")
    found = json.loads(tried.output)
    assert (found["n_tried"], found["n_failed"]) == (3, 0)
    assert found["seconds"] > 0
    assert found["bytes"] > 0
    assert not (tmp_path / "out").exists()


def test_verify_says_what_is_wrong(folder: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "out"
    run.embed(folder, target)
    (target / "cats/0.jpg").unlink()
    (target / "cats/1.jpg").write_bytes((folder / "cats/1.jpg").read_bytes())
    (target / "labels.csv").write_text("other")
    (target / "more.jpg").write_bytes(encoded(5))
    done = run("verify", target, "--workers", 1)
    assert done.exit_code == 3
    assert "cats/0.jpg: it is missing" in done.output
    assert "cats/1.jpg: no message can be read from it" in done.output
    assert "labels.csv: its content is not what was written" in done.output
    assert "more.jpg: the manifest does not know it" in done.output
    assert "4 not as they should be" in done.output


def test_status_counts_and_looks_up(folder: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "out"
    run.embed(folder, target)
    done = run("status", target, key=False)
    assert done.exit_code == 0
    assert f"{target}: whole, 5 of 5 samples, 1 of 1 shards" in done.output
    found = run("status", target, "--look-up", "dog.png", key=False)
    assert found.output.startswith("dog.png: marked, message 'Ada'")
    assert run("status", target, "--look-up", "cow.png", key=False).exit_code == 1
    assert run("status", folder, key=False).exit_code == 2


def test_names_that_differ_in_case_alone_need_a_file_system_that_tells_them_apart(
    folder: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "DOG.png").write_bytes(encoded(8, "PNG"))
    monkeypatch.setattr(names.secrets, "token_hex", lambda _n: "abc")
    (tmp_path / "out" / BOOK).mkdir(parents=True)
    (tmp_path / "out/.ABC.PART").touch()  # as if the name in capitals were the same file
    done = run.embed(folder, tmp_path / "out")
    assert done.exit_code == 2
    assert "DOG.png and dog.png are one name to the file system" in done.output
    (tmp_path / "out/.ABC.PART").unlink()
    assert run.embed(folder, tmp_path / "out").exit_code == 0
