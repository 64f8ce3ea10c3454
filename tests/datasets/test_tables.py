"""Parquet, CSV, lists, NumPy and HDF5: what reads them reads the same, but for the marks."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.datasets.conftest import KEY, Run, contents, encoded, texture
from watermarking.datasets.manifest import Manifest
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from pathlib import Path

N = 5


def text_of(content: Any) -> str | None:
    marker = Marker(key=KEY, search=0)
    return (marker.extract_bytes(content) if isinstance(content, bytes) else marker.extract(content)).text


def table(broken: int | None = None) -> pa.Table:
    pictures = [encoded(i) if i != broken else b"broken" for i in range(N)]
    return pa.table(
        {"id": list(range(N)), "image": pictures, "customer": [f"c{i}" for i in range(N)]}
    ).replace_schema_metadata({"about": "pictures"})


def test_parquet_keeps_schema_groups_coding_and_other_columns(tmp_path: Path, run: Run) -> None:
    pq.write_table(table(), tmp_path / "a.parquet", row_group_size=2, compression="zstd")
    done = run.embed(tmp_path / "a.parquet", tmp_path / "out", "--message-column", "customer", message=())
    assert done.exit_code == 0, done.output
    one, other = pq.ParquetFile(tmp_path / "a.parquet"), pq.ParquetFile(tmp_path / "out/a.parquet")
    assert one.schema_arrow.equals(other.schema_arrow, check_metadata=True)
    assert one.num_row_groups == other.num_row_groups == 3
    assert other.metadata.row_group(0).column(1).compression == "ZSTD"
    before, after = one.read().to_pylist(), other.read().to_pylist()
    for old, new in zip(before, after, strict=True):
        assert (old["id"], old["customer"]) == (new["id"], new["customer"])
        assert text_of(new["image"]) == old["customer"]
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0


@pytest.mark.parametrize(("on_error", "ids"), [("copy", [0, 1, 2, 3, 4]), ("skip", [0, 1, 3, 4])])
def test_rows_that_cannot_be_marked(tmp_path: Path, run: Run, on_error: str, ids: list[int]) -> None:
    (tmp_path / "rows").mkdir()
    pq.write_table(table(broken=2), tmp_path / "rows/a.parquet", row_group_size=3)
    done = run.embed(tmp_path / "rows", tmp_path / "out", "--on-error", on_error)
    assert done.exit_code == 2, done.output
    found = pq.read_table(tmp_path / "out/a.parquet").to_pylist()
    assert [row["id"] for row in found] == ids
    assert {text_of(row["image"]) for row in found if row["image"] != b"broken"} == {"Ada"}
    checked = run("verify", tmp_path / "out", "--workers", 1)
    assert checked.exit_code == 0, checked.output


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b"PAR1 no"), "no whole Parquet file"),
        (lambda path: pq.write_table(pa.table({"id": [1]}), path), "none of its columns can"),
        (lambda path: pq.write_table(pa.table({"a": [b""], "b": [b""]}), path), "name the column with --column"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, run: Run, make: Any, said: str) -> None:
    make(tmp_path / "a.parquet")
    done = run.embed(tmp_path / "a.parquet", tmp_path / "out")
    assert done.exit_code == 2
    assert said in done.output


def test_a_csv_file_of_paths(folder: Path, tmp_path: Path, run: Run) -> None:
    (folder / "list.csv").write_text("file_name,customer\ndog.png,Bob\ncats/0.jpg,Ada\n")
    done = run.embed(folder / "list.csv", tmp_path / "out", "--message-column", "customer", message=())
    assert done.exit_code == 0, done.output
    found = contents(tmp_path / "out")
    assert set(found) == {"list.csv", "dog.png", "cats/0.jpg"}
    assert (text_of(found["dog.png"]), text_of(found["cats/0.jpg"])) == ("Bob", "Ada")
    assert [one.sample for one in Manifest.find(tmp_path / "out").records()] == ["dog.png", "cats/0.jpg"]
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0


def test_a_parquet_file_of_paths(folder: Path, tmp_path: Path, run: Run) -> None:
    table = pa.table({"file_name": ["dog.png", "cats/0.jpg"], "customer": ["Bob", "Ada"]})
    pq.write_table(table, folder / "list.parquet")
    done = run.embed(folder / "list.parquet", tmp_path / "out", "--message-column", "customer", message=())
    assert done.exit_code == 0, done.output
    found = contents(tmp_path / "out")
    assert set(found) == {"list.parquet", "dog.png", "cats/0.jpg"}
    assert (text_of(found["dog.png"]), text_of(found["cats/0.jpg"])) == ("Bob", "Ada")
    assert pq.read_table(tmp_path / "out/list.parquet").equals(table)
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0


def test_a_parquet_file_of_paths_in_a_column_of_any_name(folder: Path, tmp_path: Path, run: Run) -> None:
    pq.write_table(pa.table({"where": ["dog.png"], "noise": [b"no picture"]}), folder / "list.parquet")
    done = run.embed(folder / "list.parquet", tmp_path / "out", "--column", "where")
    assert done.exit_code == 0, done.output
    assert text_of(contents(tmp_path / "out")["dog.png"]) == "Ada"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("dog.png\ndog.png\n", "line 2: 'dog.png' is on line 1 already"),
        ("../my.key\n", "leads out"),
        ("cow.png\n", "there is no file 'cow.png'"),
        ("", "names no files"),
    ],
)
def test_lists_that_are_refused(folder: Path, tmp_path: Path, run: Run, lines: str, said: str) -> None:
    (folder / "list.txt").write_text(lines)
    done = run.embed(folder / "list.txt", tmp_path / "out")
    assert done.exit_code == 2
    assert said in done.output


def stack(dtype: str = "uint8") -> np.ndarray:
    pictures = np.stack([texture(192, 192, seed) for seed in range(N)])
    return pictures if dtype == "uint8" else (pictures / np.float32(255)).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_npy(tmp_path: Path, run: Run, dtype: str) -> None:
    np.save(tmp_path / "a.npy", stack(dtype))
    done = run.embed(tmp_path / "a.npy", tmp_path / "out", message=("-m", "n{index}"))
    assert done.exit_code == 0, done.output
    found = np.load(tmp_path / "out/a.npy")
    assert (found.shape, found.dtype) == ((N, 192, 192, 3), np.dtype(dtype))
    assert [text_of(one) for one in found] == [f"n{i}" for i in range(N)]
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0


def test_npz_keeps_labels_and_compression(tmp_path: Path, run: Run) -> None:
    np.savez_compressed(tmp_path / "a.npz", labels=np.arange(N), images=stack()[..., 0])
    done = run.embed(tmp_path / "a.npz", tmp_path / "out")
    assert done.exit_code == 0, done.output
    with np.load(tmp_path / "out/a.npz") as found:
        assert found.files == ["labels", "images"]
        assert found["labels"].tolist() == list(range(N))
        assert {text_of(one) for one in found["images"]} == {"Ada"}
    with zipfile.ZipFile(tmp_path / "out/a.npz") as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0


def test_hdf5_keeps_labels_attributes_and_filters(tmp_path: Path, run: Run) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        pictures = file.create_dataset("train/pictures", data=stack(), chunks=(1, 192, 192, 3), compression="gzip")
        pictures.attrs["licence"] = "CC0"
        file["train/labels"] = np.arange(N)
    done = run.embed(tmp_path / "a.h5", tmp_path / "out")
    assert done.exit_code == 0, done.output
    with h5py.File(tmp_path / "out/a.h5") as file:
        found = file["train/pictures"]
        assert {text_of(one) for one in found[:]} == {"Ada"}
        assert (found.chunks, found.compression, found.attrs["licence"]) == ((1, 192, 192, 3), "gzip", "CC0")
        assert file["train/labels"][:].tolist() == list(range(N))
    assert run("verify", tmp_path / "out", "--workers", 1).exit_code == 0


def test_stacks_that_are_refused(tmp_path: Path, run: Run) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    assert "a stack of pictures" in run.embed(tmp_path / "a.npy", tmp_path / "out").output
    np.save(tmp_path / "b.npy", stack().astype(np.int64))
    assert "holds int64" in run.embed(tmp_path / "b.npy", tmp_path / "out").output
    (tmp_path / "c.npz").write_bytes(b"PK no zip")
    assert "no whole archive" in run.embed(tmp_path / "c.npz", tmp_path / "out").output
    np.save(tmp_path / "d.npy", stack())
    assert "the others would move" in run.embed(tmp_path / "d.npy", tmp_path / "out", "--on-error", "skip").output
