"""What the Hugging Face library reads and saves, with the library itself."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import datasets
import pytest

from tests.datasets.conftest import KEY, Run, encoded
from watermarking.datasets.adapters import MarkRows
from watermarking.errors import WatermarkError
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # the library leaves some open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
N = 6


def stored(place: Path) -> datasets.Dataset:
    """Return a data set of JPEG files with labels and captions."""
    place.mkdir()
    for i in range(N):
        (place / f"{i}.jpg").write_bytes(encoded(i))
    labels = datasets.ClassLabel(names=["cat", "dog"])
    features = datasets.Features({"image": datasets.Image(), "label": labels, "caption": datasets.Value("string")})
    columns = {
        "image": [{"bytes": encoded(i), "path": f"{i}.jpg"} for i in range(N)],
        "label": [i % 2 for i in range(N)],
        "caption": [f"picture {i}" for i in range(N)],
    }
    return datasets.Dataset.from_dict(columns, features=features)


def raw(found: datasets.Dataset) -> list[dict[str, Any]]:
    return list(found.cast_column("image", datasets.Image(decode=False)))


def messages(found: datasets.Dataset) -> list[str | None]:
    marker = Marker(key=KEY, search=0)
    return [marker.extract_bytes(row["image"]["bytes"]).text for row in raw(found)]


def rows(**more: Any) -> MarkRows:
    return MarkRows.of(Marker(key=KEY, psnr=40), **more)


def test_map_marks_bytes_and_the_second_run_comes_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = stored(tmp_path / "pictures")
    source.save_to_disk(tmp_path / "source")
    source = datasets.load_from_disk(tmp_path / "source")
    bytes_only = source.cast_column("image", datasets.Image(decode=False))
    marked = bytes_only.map(rows(template="{caption}"), with_indices=True, num_proc=2)
    marked = marked.cast(source.features)
    marked.save_to_disk(tmp_path / "marked")
    found = datasets.load_from_disk(tmp_path / "marked")
    assert found.features == source.features
    assert messages(found) == [f"picture {i}" for i in range(N)]
    assert [row["image"]["path"] for row in raw(found)] == [f"{i}.jpg" for i in range(N)]
    assert all(row["image"]["bytes"][:2] == b"\xff\xd8" for row in raw(found))
    assert found[0]["image"].format == "JPEG"
    assert (found["label"][:], found["caption"][:]) == (source["label"][:], source["caption"][:])

    def fail(*_: Any, **_more: Any) -> None:
        raise AssertionError("a row is marked again")

    with monkeypatch.context() as patched:
        patched.setattr(MarkRows, "__call__", fail)
        again = bytes_only.map(rows(template="{caption}"), with_indices=True, num_proc=2)
        assert messages(again) == [f"picture {i}" for i in range(N)]
        with pytest.raises(AssertionError, match="marked again"):
            bytes_only.map(rows(message="Ada"), with_indices=True)


def test_decoded_pictures_are_refused(tmp_path: Path) -> None:
    source = stored(tmp_path / "pictures")
    with pytest.raises(Exception, match="Image\\(decode=False\\)"):
        source.map(rows(message="Ada"), with_indices=True)


def test_streams(tmp_path: Path) -> None:
    source = stored(tmp_path / "pictures").cast_column("image", datasets.Image(decode=False))
    stream = source.to_iterable_dataset()
    marked = list(stream.map(rows(template="n{index}"), with_indices=True))
    marker = Marker(key=KEY, search=0)
    assert [marker.extract_bytes(row["image"]["bytes"]).text for row in marked] == [f"n{i}" for i in range(N)]


def test_what_cannot_be_marked_stays_as_it_is(tmp_path: Path) -> None:
    source = datasets.Dataset.from_dict({"image": [b"broken", encoded(1)]})
    with pytest.warns(UserWarning, match="not a picture"):
        marked = source.map(rows(message="Ada"), with_indices=True)
    assert marked[0]["image"] == b"broken"
    assert Marker(key=KEY, search=0).extract_bytes(marked[1]["image"]).text == "Ada"


def test_what_is_saved_to_disk_is_marked_as_it_lies(tmp_path: Path, run: Run) -> None:
    source = stored(tmp_path / "pictures")
    splits = datasets.DatasetDict({"train": source, "test": source.select([0, 1])})
    splits.save_to_disk(tmp_path / "source", num_shards={"train": 2, "test": 1})
    done = run.embed(tmp_path / "source", tmp_path / "out", message=("-m", "{caption}"))
    assert done.exit_code == 0, done.output
    assert done.output == f"{tmp_path / 'out'}: {N + 2} marked\n"
    found = datasets.load_from_disk(tmp_path / "out")
    assert list(found) == ["train", "test"]
    assert found["train"].features == source.features
    assert messages(found["train"]) == [f"picture {i}" for i in range(N)]
    assert found["train"]._fingerprint != datasets.load_from_disk(tmp_path / "source")["train"]._fingerprint
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0


def test_an_imagefolder_loads_as_before(tmp_path: Path, run: Run) -> None:
    place = tmp_path / "pictures"
    stored(place)
    (place / "metadata.csv").write_text("file_name,caption\n" + "".join(f"{i}.jpg,picture {i}\n" for i in range(N)))
    assert run.embed(place, tmp_path / "out").exit_code == 0
    found = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert found["train"]["caption"][:] == [f"picture {i}" for i in range(N)]
    assert len(found["train"]) == N


def test_a_parquet_file_of_the_library(tmp_path: Path, run: Run) -> None:
    stored(tmp_path / "pictures").to_parquet(tmp_path / "train.parquet")
    done = run.embed(tmp_path / "train.parquet", tmp_path / "out")
    assert done.exit_code == 0, done.output
    found = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "out/train.parquet"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert messages(found) == ["Ada"] * N
    assert found.features["label"].names == ["cat", "dog"]


HASH = """
from datasets.fingerprint import Hasher
from watermarking import Key, Marker
from watermarking.datasets.adapters import MarkRows
print(Hasher.hash(MarkRows.of(Marker(key=Key(bytes(range(32))), psnr=40), template="{caption}")))
"""


def test_another_process_finds_the_same_cache() -> None:
    found = {
        subprocess.run([sys.executable, "-c", HASH], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1


def test_rows_without_a_picture_stay_and_paths_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(0))
    with pytest.warns(UserWarning, match="holds no picture"):
        empty = rows(message="Ada")({"image": {"bytes": None, "path": None}})
    assert empty == {"image": {"bytes": None, "path": None}}
    found = rows(message="Ada")({"image": {"bytes": None, "path": str(tmp_path / "a.jpg")}})
    assert Marker(key=KEY, search=0).extract_bytes(found["image"]["bytes"]).text == "Ada"


def test_numbers_are_asked_for_where_messages_have_them() -> None:
    with pytest.raises(WatermarkError, match="with_indices=True"):
        rows(template="photo {index}")({"image": encoded(0)})


def test_what_the_library_cached_beside_a_saved_set_is_no_part_of_it(tmp_path: Path, run: Run) -> None:
    stored(tmp_path / "pictures").save_to_disk(tmp_path / "source")
    source = datasets.load_from_disk(tmp_path / "source")
    source.map(lambda row: {"caption": row["caption"].upper()})
    assert list((tmp_path / "source").glob("cache-*.arrow"))
    done = run.embed(tmp_path / "source", tmp_path / "marked", message=("-m", "{caption}"))
    assert f"{N} marked\n" in done.stdout
    assert "1 passed over (cache of 'datasets')" in done.stderr
    assert not list((tmp_path / "marked").glob("cache-*"))
    assert messages(datasets.load_from_disk(tmp_path / "marked")) == [f"picture {i}" for i in range(N)]
