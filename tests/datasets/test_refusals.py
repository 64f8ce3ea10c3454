"""What would come out wrong without a word is refused, or recorded, before or while it is marked."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import watermarking.datasets.stores.folder as module
from tests.datasets.conftest import KEY, Run, contents, encoded
from watermarking.datasets.lock import is_locked, locked
from watermarking.datasets.manifest import Manifest
from watermarking.datasets.plan import Plan
from watermarking.datasets.set_message import Collector, SetMessage
from watermarking.datasets.stores.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path


def tar_of(place: Path, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(place, "w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("damage", ["a bit of a header", "cut between members"])
def test_a_damaged_tar_says_what_it_lost(tmp_path: Path, run: Run, damage: str) -> None:
    tar_of(tmp_path / "a.tar", [(f"{i}.jpg", encoded(i)) for i in range(3)])
    data = bytearray((tmp_path / "a.tar").read_bytes())
    second = 512 + -(-len(encoded(0)) // 512) * 512
    if damage == "cut between members":
        del data[second:]
    else:
        data[second + 150] ^= 1
    (tmp_path / "a.tar").write_bytes(data)
    done = run.embed(tmp_path / "a.tar", tmp_path / "out")
    assert done.exit_code == 2
    assert "1 marked" in done.output
    assert [one.status for one in Manifest.find(tmp_path / "out").records()] == ["marked", "skipped"]


def test_links_that_lead_out_of_a_tar_are_not_written(tmp_path: Path, run: Run) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, kind, target in (
            ("in", tarfile.SYMTYPE, "0.jpg"), ("lnk", tarfile.SYMTYPE, "/etc"), ("deep/up", tarfile.SYMTYPE, "../../x"),
            ("hard", tarfile.LNKTYPE, "../secret"),
        ):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
        info = tarfile.TarInfo("0.jpg")
        info.size = len(encoded(0))
        tar.addfile(info, io.BytesIO(encoded(0)))
    assert run.embed(tmp_path / "a.tar", tmp_path / "out").exit_code == 2
    with tarfile.open(tmp_path / "out/a.tar") as tar:
        assert tar.getnames() == ["in", "0.jpg"]


def test_members_of_one_name_verify(tmp_path: Path, run: Run) -> None:
    tar_of(tmp_path / "a.tar", [("0.jpg", encoded(0)), ("0.txt", b"one"), ("0.txt", b"two"), ("1.jpg", encoded(1))])
    assert run.embed(tmp_path / "a.tar", tmp_path / "out").exit_code == 0
    checked = run("verify", tmp_path / "out", "--workers", 1)
    assert checked.exit_code == 0, checked.output


def test_names_that_are_shown_alike_verify(folder: Path, tmp_path: Path, run: Run) -> None:
    (folder / "caf\udce9.jpg").write_bytes(encoded(5))
    (folder / r"caf\xe9.jpg").write_bytes(encoded(6))
    assert run.embed(folder, tmp_path / "out", message=("-m", "{index}")).exit_code == 0
    checked = run("verify", tmp_path / "out", "--workers", 1)
    assert checked.exit_code == 0, checked.output


def test_sets_in_a_folder_of_pictures_are_not_passed_through_in_silence(folder: Path, tmp_path: Path, run: Run) -> None:
    tar_of(folder / "a.tar", [("0.jpg", encoded(0))])
    pq.write_table(pa.table({"image": [encoded(1)]}), folder / "b.parquet")
    done = run.embed(folder, tmp_path / "out")
    assert done.exit_code == 2
    for name in ("a.tar", "b.parquet"):
        assert f"{name}: it may hold pictures of its own: mark it by itself" in done.output


@pytest.mark.parametrize(
    ("people", "message", "said"),
    [
        ("customer\nAda\nBob\n", ("-m", "fixed"), "one message for all recipients tells nobody apart"),
        ("customer\nAda\nBob\n", ("-m", "x{index}"), "says the same for 'Ada' and 'Bob'"),
        ("customer,country\nAda,UK\nBob,UK\n", ("-m", "{country}"), "says the same for 'Ada' and 'Bob'"),
        ("customer,message\nAda,x\nBob,x\n", (), "the messages say the same for 'Ada' and 'Bob'"),
    ],
)
def test_copies_that_nobody_could_tell_apart(
    folder: Path, tmp_path: Path, run: Run, people: str, message: tuple[str, ...], said: str
) -> None:
    (tmp_path / "people.csv").write_text(people)
    done = run.embed(folder, tmp_path / "out", "--recipients", tmp_path / "people.csv", message=message)
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "out/.watermarking/run.json").exists()


def test_a_mistyped_template_is_refused_before_anything_is_written(folder: Path, tmp_path: Path, run: Run) -> None:
    done = run.embed(folder, tmp_path / "out", message=("-m", "{custmer}"))
    assert done.exit_code == 2
    assert "no field 'custmer'" in done.output
    assert run.embed(folder, tmp_path / "out", message=("-m", "{stem}")).exit_code == 0


def test_trial_runs_refuse_what_the_run_would(folder: Path, tmp_path: Path, run: Run) -> None:
    run.embed(folder, tmp_path / "out")
    for more in (("--dry-run",), ("--sample", 2)):
        assert run.embed(folder, folder, *more).exit_code == 2
        assert run.embed(folder, tmp_path / "out", *more, message=("-m", "Bob")).exit_code == 2
        assert run.embed(folder, tmp_path / "new", *more).exit_code == 0
    assert not (tmp_path / "new").exists()
    assert run.embed(folder, tmp_path / "new", "--address", "auto").exit_code == 2


def test_keys_of_samples_are_found_in_a_recipients_tars(tmp_path: Path, run: Run) -> None:
    (tmp_path / "source").mkdir()
    tar_of(tmp_path / "source/a.tar", [("0.jpg", encoded(0)), ("1.jpg", encoded(1))])
    (tmp_path / "people.csv").write_text("customer\nAda\nBob\n")
    more = ("--recipients", tmp_path / "people.csv", "--key-per-sample")
    assert run.embed(tmp_path / "source", tmp_path / "out", *more, message=()).exit_code == 0
    found = run("extract", tmp_path / "out/Ada", "--manifest", tmp_path / "out", "--workers", 1)
    assert "a message in 2 of 2 pictures" in found.output


def test_looking_at_a_lock_is_in_nobodys_way(tmp_path: Path) -> None:
    import threading

    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            is_locked(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(30):
            with locked(tmp_path):
                pass
    finally:
        done.set()
        looking.join()


@pytest.mark.parametrize("stride", [2, 3, 6, 12])
def test_a_record_comes_back_from_every_so_many_members(stride: int) -> None:
    message, collector = SetMessage(bytes(1000), KEY), Collector(KEY)
    assert any(collector.add(message.message_of(stride * i)) for i in range(2 * message.n_blocks))


def test_an_empty_record_is_refused(folder: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "record").write_bytes(b"")
    done = run.embed(folder, tmp_path / "out", "--record", tmp_path / "record", message=())
    assert done.exit_code == 2
    assert "is empty" in done.output


def test_what_a_run_passed_over_is_said(folder: Path, tmp_path: Path, run: Run) -> None:
    (folder / ".hidden.jpg").write_bytes(encoded(0))
    assert "1 passed over (hidden)" in run.embed(folder, tmp_path / "out").output
    assert ".hidden.jpg" not in contents(tmp_path / "out")


def test_a_folder_is_walked_once_and_a_run_compared_once(folder: Path, tmp_path: Path, run: Run,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    (folder / ".hidden.jpg").write_bytes(encoded(0))
    run.embed(folder, tmp_path / "out")
    walked: list[Path] = []
    compared: list[object] = []
    survey, compare = module.survey, Plan._compare
    monkeypatch.setattr(module, "survey", lambda place: (walked.append(place), survey(place))[1])
    monkeypatch.setattr(Plan, "_compare", lambda plan, before: (compared.append(before), compare(plan, before))[1])
    done = run.embed(folder, tmp_path / "out")
    assert "1 passed over (hidden)" in done.output
    assert (len(walked), len(compared)) == (1, 1)
    assert Folder(folder).passed_over() == {"hidden": 1}
    assert "_left" not in Folder(folder).options()
    other = run.embed(folder, tmp_path / "out", message=("-m", "Bob"))
    assert other.exit_code == 2
    assert "another message" in other.output


def test_a_path_with_a_nul_spoils_its_row_alone(tmp_path: Path, run: Run) -> None:
    rows = [{"bytes": encoded(0), "path": None}, {"bytes": None, "path": "a\0b.jpg"}]
    pq.write_table(pa.table({"image": rows}), tmp_path / "a.parquet")
    done = run.embed(tmp_path / "a.parquet", tmp_path / "out")
    assert done.exit_code == 2
    assert "1 marked, 1 copied" in done.output


def test_a_packed_tar_cut_in_a_member_keeps_what_is_whole(tmp_path: Path, run: Run) -> None:
    tar_of(tmp_path / "a.tar", [(f"{i}.jpg", encoded(i)) for i in range(3)])
    data = (tmp_path / "a.tar").read_bytes()
    second = 512 + -(-len(encoded(0)) // 512) * 512
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(data[: second + 900]))
    done = run.embed(tmp_path / "a.tar.gz", tmp_path / "out")
    assert done.exit_code == 2
    assert [one.status for one in Manifest.find(tmp_path / "out").records()] == ["marked", "skipped"]
