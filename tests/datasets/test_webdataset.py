"""Tar shards: read by webdataset as before, pictures marked, all else unchanged; odd tars are recorded, not obeyed."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest
import webdataset as wds

from tests.datasets.conftest import KEY, Run, encoded
from watermarking.datasets.manifest import Manifest
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the library leaves them open
N = 3


def member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode, info.uname = len(content), 1_700_000_000, 0o640, "ada"
    tar.addfile(info, io.BytesIO(content))


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Write two shards with pictures, captions and masks, and a file beside them."""
    place = tmp_path / "shards"
    place.mkdir()
    for shard in range(2):
        with tarfile.open(place / f"train-{shard:04d}.tar", "w") as tar:
            for i in range(N):
                key = f"{shard}{i:03d}"
                member(tar, f"{key}.jpg", encoded(10 * shard + i))
                member(tar, f"{key}.json", json.dumps({"customer": f"c{i}", "label": i}).encode())
                member(tar, f"{key}.seg.png", encoded(50 + i, "PNG"))
    (place / "README.md").write_text("two shards")
    return place


def read(file: Path) -> list[dict[str, bytes]]:
    """Read a shard with the library."""
    return list(wds.WebDataset(str(file), shardshuffle=False))


def test_webdataset_reads_the_same_samples_with_marks(shards: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "out"
    done = run.embed(shards, target, message=("-m", "{customer}-{label}"))
    assert done.exit_code == 0, done.output
    assert done.output == f"{target}: {2 * N} marked, {4 * N} copied\n"
    assert (target / "README.md").read_text() == "two shards"
    for name in ("train-0000.tar", "train-0001.tar"):
        before, after = read(shards / name), read(target / name)
        assert [one["__key__"] for one in before] == [one["__key__"] for one in after]
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            assert one.keys() == other.keys()
            assert (one["json"], one["seg.png"]) == (other["json"], other["seg.png"])
            assert one["jpg"] != other["jpg"]
            assert Marker(key=KEY, search=0).extract_bytes(other["jpg"]).text == f"c{i}-{i}"
        with tarfile.open(shards / name) as one, tarfile.open(target / name) as other:  # type: ignore[assignment]
            heads = [[(m.name, m.mtime, m.mode, m.uname, m.type) for m in tar.getmembers()] for tar in (one, other)]
            assert heads[0] == heads[1]
    assert run("verify", target, "--workers", 1).output == f"{target}: {6 * N} samples read back, all well\n"


def test_a_column_names_the_members(shards: Path, tmp_path: Path, run: Run) -> None:
    done = run.embed(shards, tmp_path / "out", "--column", "seg.png")
    assert done.exit_code == 0, done.output
    before, after = read(shards / "train-0000.tar"), read(tmp_path / "out/train-0000.tar")
    assert before[0]["jpg"] == after[0]["jpg"]
    assert before[0]["seg.png"] != after[0]["seg.png"]


def test_gzip_stays_gzip_and_is_the_same_each_time(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "one.tar.gz"
    with tarfile.open(source, "w:gz") as tar:
        member(tar, "a.jpg", encoded(1))
    for name in ("out", "again"):
        done = run.embed(source, tmp_path / name)
        assert done.exit_code == 0, done.output
    data = (tmp_path / "out/one.tar.gz").read_bytes()
    assert data[:2] == b"\x1f\x8b"
    assert data == (tmp_path / "again/one.tar.gz").read_bytes()
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0


@pytest.mark.parametrize("lost", [100, 512, 10_000, 20_700])
def test_a_tar_cut_short_keeps_what_is_whole(tmp_path: Path, run: Run, lost: int) -> None:
    source = tmp_path / "cut.tar"
    with tarfile.open(source, "w") as tar:
        for i in range(N):
            member(tar, f"{i}.jpg", encoded(i))
    with tarfile.open(source) as tar:
        last = tar.getmembers()[-1]
    end = last.offset_data + last.size
    source.write_bytes(source.read_bytes()[: end - lost])
    done = run.embed(source, tmp_path / "out")
    assert done.exit_code == 2, done.output
    assert "the shard is cut short here" in done.output
    records = list(Manifest.find(tmp_path / "out").records())
    assert records[-1].status == "skipped"
    whole = read(tmp_path / "out/cut.tar")
    assert [one["__key__"] for one in whole] == [one.sample[0] for one in records[:-1]]
    assert len(whole) == N - 1
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0


def test_members_that_climb_out_are_never_written(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "evil.tar"
    with tarfile.open(source, "w") as tar:
        for name in ("../up.jpg", "/abs.jpg", "a/../../b.json", "good.jpg"):
            member(tar, name, encoded(1))
    done = run.embed(source, tmp_path / "out")
    assert done.exit_code == 2
    with tarfile.open(tmp_path / "out/evil.tar") as tar:
        assert tar.getnames() == ["good.jpg"]
    reasons = {one.sample: one.reason for one in Manifest.find(tmp_path / "out").records()}
    assert reasons["../up.jpg"] == reasons["/abs.jpg"] == reasons["a/../../b.json"]
    assert "leads out" in str(reasons["../up.jpg"])
    assert not (tmp_path / "up.jpg").exists()


def test_broken_json_spoils_its_own_sample_alone(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "json.tar"
    with tarfile.open(source, "w") as tar:
        for i in range(2):
            member(tar, f"{i}.jpg", encoded(i))
            member(tar, f"{i}.json", b'{"customer": ' if i else b'{"customer": "Ada"}')
    done = run.embed(source, tmp_path / "out", message=("-m", "{customer}"))
    assert done.exit_code == 2
    records = {one.sample: one for one in Manifest.find(tmp_path / "out").records()}
    assert (records["0.jpg"].status, records["0.jpg"].message) == ("marked", b"Ada")
    assert records["1.jpg"].status == "copied"
    assert "broken JSON" in str(records["1.jpg"].reason)
    assert run.embed(source, tmp_path / "plain").exit_code == 0  # nobody asks what it says


def test_a_name_twice_links_and_what_is_no_tar(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "odd.tar"
    with tarfile.open(source, "w") as tar:
        member(tar, "a.jpg", encoded(1))
        member(tar, "a.jpg", encoded(2))
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "a.jpg"
        tar.addfile(link)
    done = run.embed(source, tmp_path / "out")
    assert done.exit_code == 2
    assert "has a member of this name already" in done.output
    with tarfile.open(tmp_path / "out/odd.tar") as tar:
        assert tar.getnames() == ["a.jpg", "a.jpg", "link.jpg"]
        assert tar.getmembers()[2].issym()
    (tmp_path / "no.tar").write_bytes(b"no tar at all" * 100)
    assert run.embed(tmp_path / "no.tar", tmp_path / "none").exit_code == 2


def test_a_shard_that_is_gone_is_missing(shards: Path, tmp_path: Path, run: Run) -> None:
    assert run.embed(shards, tmp_path / "out").exit_code == 0
    (tmp_path / "out/train-0001.tar").unlink()
    done = run("verify", tmp_path / "out", "--workers", 1)
    assert done.exit_code == 3
    assert f"{3 * N} not as they should be" in done.output
    assert "1002.jpg: it is missing" in done.output
