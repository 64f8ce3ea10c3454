"""Workers that die, sources that change, targets that cannot be written: nothing is lost and it is said in a line."""

from __future__ import annotations

import os
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from set_jobs import DiesAt, TouchesSource

from tests.datasets.conftest import KEY, Run, contents, encoded
from watermarking.datasets.engines.engine import get_engine
from watermarking.datasets.engines.local import Local
from watermarking.datasets.manifest import BOOK, Manifest, Record
from watermarking.datasets.operator import DIED, MarkSamples
from watermarking.datasets.plan import Plan, check_place
from watermarking.datasets.run import Progress, Seen, carry_out
from watermarking.datasets.stores.store import open_store
from watermarking.datasets.task import last_begun
from watermarking.datasets.wording import Wording
from watermarking.errors import WatermarkError
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPERATOR = MarkSamples(marker=Marker(key=KEY, psnr=40), wording=Wording(fixed=b"Ada"))


def embed(source: Path, target: Path, operator: Any, engine: Any, change: Any = None) -> Progress:
    """Carry out a plan whose tasks are given to another operator than the plan says."""
    store = open_store(source)
    check_place(source, target)
    plan = Plan(store=store, source=source, target=target, operator=OPERATOR, shards=store.shards())

    class Changed:
        def run(self, tasks: Any, _operator: Any) -> Any:
            yield from engine.run(tasks, operator)

    *_, last = carry_out(plan, Changed())
    return last


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of three shards."""
    place = tmp_path / "pictures"
    place.mkdir()
    for i in range(40):
        (place / f"{i:02}.jpg").write_bytes(encoded(i % 4))
    return place


def test_a_picture_at_which_workers_die_is_recorded(source: Path, tmp_path: Path) -> None:
    names = ("03.jpg", "17.jpg", "18.jpg")
    progress = embed(source, tmp_path / "out", DiesAt(OPERATOR, names), Local(2))
    assert (progress.failures, progress.is_whole) == ([], True)
    assert (progress.counts["marked"], progress.counts["copied"]) == (37, 3)
    found = {one.sample: one.reason for one in Manifest.find(tmp_path / "out").records() if one.reason}
    assert found == dict.fromkeys(names, DIED)
    assert contents(tmp_path / "out").keys() == contents(source).keys()


def test_workers_give_what_one_process_gives(source: Path, tmp_path: Path) -> None:
    for name, engine in (("one", Local(1)), ("two", Local(2))):
        assert embed(source, tmp_path / name, OPERATOR, engine).is_whole
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert list(Manifest.find(tmp_path / "one").records()) == list(Manifest.find(tmp_path / "two").records())


def as_folder(tmp_path: Path) -> tuple[Path, Path]:
    place = tmp_path / "pictures"
    return place, place / "01.jpg"


def as_tar(tmp_path: Path) -> tuple[Path, Path]:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "pictures/01.jpg", "01.jpg")
        tar.add(tmp_path / "pictures/02.jpg", "02.jpg")
    return tmp_path / "a.tar", tmp_path / "a.tar"


@pytest.mark.parametrize("make", [as_folder, as_tar])
def test_a_source_that_changes_is_one_line_and_no_shard(
    source: Path, tmp_path: Path, make: Callable[[Path], tuple[Path, Path]]
) -> None:
    place, file = make(tmp_path)
    before = file.read_bytes()
    progress = embed(place, tmp_path / "out", TouchesSource(OPERATOR, file), Local(1))
    if place.is_dir():  # the file grew before it was read: it is read as it is now, or its end is seen to move
        assert progress.is_whole or "changed while it was read" in progress.failures[0]
        return
    assert len(progress.failures) == 1
    assert "changed while it was read" in progress.failures[0]
    assert not list((tmp_path / "out").glob("*.tar"))
    file.write_bytes(before)
    assert embed(place, tmp_path / "out", OPERATOR, Local(1)).is_whole


def test_a_file_that_goes_away_fails_its_shard_alone(source: Path, tmp_path: Path) -> None:
    class Removes:
        def run(self, tasks: Any, operator: Any) -> Any:
            (source / "20.jpg").unlink()
            yield from Local(1).run(tasks, operator)

    progress = embed(source, tmp_path / "out", OPERATOR, Removes())
    assert progress.n_shards_done == 2
    assert len(progress.failures) == 1
    assert f"cannot read {source / '20.jpg'}" in progress.failures[0]


def test_a_target_that_cannot_be_written_is_one_line(folder: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "ro"
    target.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(target)], capture_output=True, check=False
    ).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        done = run.embed(folder, target / "out")
        assert done.exit_code == 3
        assert done.output == f"watermarking: cannot write to {target}/out: Read-only file system\n"
    finally:
        subprocess.run(["umount", str(target)], check=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_left_out(folder: Path, tmp_path: Path, run: Run) -> None:
    (folder / "dog.png").chmod(0)
    assert run.embed(folder, tmp_path / "out").exit_code == 2
    assert Manifest.find(tmp_path / "out").look_up(["dog.png"])[0].status == "skipped"


def test_engines_go_by_name() -> None:
    assert get_engine("local", workers=3) == Local(3)
    with pytest.raises(WatermarkError, match="no engine is called 'spark'"):
        get_engine("spark")


RECORD = Record("a\n.jpg", "s", 0, "marked", None, b"\xff", None, None, 40.0, None, 0.1, "0" * 64, "1" * 64)


def test_lines_of_records_and_what_is_counted(tmp_path: Path) -> None:
    assert Record.from_json(RECORD.to_json()) == RECORD
    for line in ("{", "[]", '{"sample": "a"}'):
        with pytest.raises(ValueError):  # noqa: PT011  # of JSON or of ours
            Record.from_json(line)
    file = tmp_path / "000001.jsonl"
    seen = Seen(tmp_path)
    assert seen.count() == 0
    file.write_text(RECORD.to_json() + "\n")
    assert seen.count() == 1
    with file.open("a") as stream:
        stream.write(f"begun b.jpg\n{RECORD.to_json()}\nbegun caf\\udce9.jpg\n")
    assert seen.count() == 2
    assert last_begun(file) == "caf\udce9.jpg"
    file.unlink()
    assert (seen.count(), last_begun(file)) == (0, None)


def test_a_damaged_manifest_says_so(folder: Path, tmp_path: Path, run: Run) -> None:
    assert run.embed(folder, tmp_path / "out").exit_code == 0
    (tmp_path / "out" / BOOK / "run.json").write_text("{")
    done = run.embed(folder, tmp_path / "out")
    assert done.exit_code == 2
    assert "the manifest is damaged" in done.output


def test_what_was_noted_before_a_kill_is_not_marked_again(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert embed(source, target, OPERATOR, Local(1)).is_whole
    whole, manifest = contents(target), Manifest.find(target)
    marked: list[str] = []

    def listening(sample: Any, **given: Any) -> Any:
        marked.append(sample.name)
        return OPERATOR(sample, **given)

    records = list(manifest.records(1))
    lines = [record.to_json() for record in records[:10]]
    manifest.part(1).unlink()
    manifest.lines(1).write_text("\n".join([*lines, lines[0][:50]]))  # the last one torn
    (target / records[2].sample).write_bytes(b"spoilt")
    (target / records[3].sample).unlink()
    assert embed(source, target, listening, Local(1)).is_whole
    assert contents(target) == whole
    assert list(manifest.records(1)) == records
    assert marked == [record.sample for record in [records[2], records[3], *records[10:]]]


def test_what_carries_a_mark_already(folder: Path, tmp_path: Path, run: Run) -> None:
    marker = Marker(key=KEY, psnr=40)
    (folder / "cats/0.jpg").write_bytes(marker.embed_bytes(encoded(0), "Ada"))
    (folder / "cats/1.jpg").write_bytes(marker.embed_bytes(encoded(1), "Bob"))
    done = run.embed(folder, tmp_path / "out")
    assert done.exit_code == 2
    assert "2 marked, 1 marked already, 2 copied, 1 of them could not be marked" in done.output
    records = {one.sample: one for one in Manifest.find(tmp_path / "out").records()}
    assert (records["cats/0.jpg"].status, records["cats/0.jpg"].message) == ("already", b"Ada")
    assert records["cats/0.jpg"].sha256_after == records["cats/0.jpg"].sha256_before
    assert "another message of this key already, 'Bob'" in str(records["cats/1.jpg"].reason)
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0
