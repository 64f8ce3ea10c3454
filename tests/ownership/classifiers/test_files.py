"""Files of inputs, answers and marks: what is in them is what was meant, or an error says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.ownership.classifiers.world import world
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.classifiers.files.answers import (
    dense,
    in_order,
    read_labels,
    read_stored,
)
from watermarking.ownership.classifiers.files.inputs import Inputs, read_inputs
from watermarking.ownership.classifiers.files.mark import MarkFile, read_mark, write_mark
from watermarking.ownership.classifiers.files.writing import write_answers

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str, suffix: str = ".csv", classes: Sequence[str] | None = None) -> Any:
    Path(f"a{suffix}").write_text(text)
    return read_stored(f"a{suffix}", classes)


@pytest.mark.parametrize(
    "text",
    ["0.9,0.1\n0.2,0.8\n", "0.9;0.1\n0.2;0.8\n", "a,b\n0.9,0.1\n0.2,0.8\n", "0,1\n0.9,0.1\n0.2,0.8\n",
     ",0,1\n0,0.9,0.1\n1,0.2,0.8\n", "\ufeffa,b\r\n0.9,0.1\r\n\r\n0.2,0.8\r\n"],
)  # fmt: skip
def test_rows_with_and_without_a_header(text: str) -> None:
    assert [row.tolist() for row in read(text).answers] == [[0.9, 0.1], [0.2, 0.8]]


def test_a_first_row_of_sure_answers_is_no_header() -> None:
    assert len(read("0,1\n1,0\n").answers) == 2
    assert len(read("1,0,0\n0.5,0.5,0\n").answers) == 2


def test_columns_are_put_in_the_order_of_the_classes() -> None:
    found = read("query,b,a\nx.png,0.1,0.9\ny.png,0.8,0.2\n", classes=("a", "b"))
    assert (found.names, found.classes) == (["x.png", "y.png"], ("a", "b"))
    asked = Inputs(np.zeros((3, 2)), ["y", "z", "x"])
    ordered = in_order(found, asked)
    assert [None if row is None else row.tolist() for row in ordered] == [[0.2, 0.8], None, [0.9, 0.1]]
    with pytest.raises(WatermarkError, match="no answer to 1 inputs, number 1"):
        dense(ordered, "a.csv")
    with pytest.raises(WatermarkError, match="'c' is none of them"):
        read("a,c\n0.1,0.9\n", classes=("a", "b"))
    with pytest.raises(WatermarkError, match="none of the inputs, 'x\\.png' first"):
        in_order(found, Inputs(np.zeros((3, 2))))
    with pytest.raises(WatermarkError, match="answers '1' twice"):
        in_order(read("query,a,b\n1,0,1\n1,1,0\n"), Inputs(np.zeros((3, 2))))


def test_few_labels_in_every_form() -> None:
    wanted = [{"a": 0.7, "b": 0.2}, None, {"c": 1.0}]
    long = "query,label,probability\n0,a,0.7\n2,c,1\n0,b,0.2\n"
    assert in_order(read(long), Inputs(np.zeros((3, 2)))) == wanted
    lines = "\n".join(map(json.dumps, wanted))
    assert read(lines, ".jsonl").answers == wanted
    np.savez("a.npz", labels=np.array([[1, 0], [2, 1]]), probabilities=np.array([[0.7, 0.2], [0.5, 0.5]]))
    assert read_stored("a.npz").answers == [{1: 0.7, 0: 0.2}, {2: 0.5, 1: 0.5}]
    assert read("label\ncat\n\ndog\n").answers == read("cat\ndog\n").answers == ["cat", "dog"]
    assert read('{"3": 0.5}\n[0.5, 0.5]\n', ".jsonl").answers[0] == {3: 0.5}


@pytest.mark.parametrize(
    ("text", "suffix", "said"),
    [
        ("", ".csv", "is empty"),
        ("a,b\n", ".csv", "no row|no number"),
        ("0.5,0.5\n0.5,x\n", ".csv", "line 2: 'x' is no number"),
        ("{", ".jsonl", "line 1 is no JSON"),
        ("\n", ".jsonl", "is empty"),
        ("x", ".png", "no file of answers"),
        ("x", ".npy", "pickles are not loaded|cannot be read"),
    ],
)
def test_answers_that_cannot_be_read(text: str, suffix: str, said: str) -> None:
    with pytest.raises(FileFormatError, match=said):
        read(text, suffix)


def test_one_of_several_arrays() -> None:
    np.savez("a.npz", x=np.ones((3, 2)), y=np.zeros((4, 2)))
    assert len(read_inputs("a.npz:y")) == 4
    with pytest.raises(FileFormatError, match="several arrays, x, y"):
        read_inputs("a.npz")
    with pytest.raises(FileFormatError, match="no array 'z'"):
        read_inputs("a.npz:z")


def test_a_folder_of_pictures() -> None:
    Path("p").mkdir()
    for name, value in (("b", 10), ("a", 20)):
        Image.new("RGB", (5, 4), (value, 0, 0)).save(f"p/{name}.png")
    found = read_inputs("p")
    assert (found.values.shape, found.names, found.values[:, 0, 0, 0].tolist()) == ((2, 4, 5, 3), ["a", "b"], [20, 10])
    assert found.first(1).names == ["a"]
    Image.new("L", (5, 4)).save("p/c.png")
    with pytest.raises(WatermarkError, match="bring pictures to the size and colours"):
        read_inputs("p")


def test_answers_are_written_as_they_were_given() -> None:
    Path("a.csv").write_text("query,a,b\nx,0.9,0.1\ny,0.2,0.8\n")
    write_answers("b.csv", np.array([[0.8, 0.2], [0.3, 0.7]]), "a.csv")
    assert Path("b.csv").read_text() == "query,a,b\nx,0.8,0.2\ny,0.3,0.7\n"
    write_answers("b.npy", np.ones((2, 2), np.float16))
    assert np.load("b.npy").dtype == np.float16


def test_labels_by_number_and_by_name() -> None:
    Path("a.csv").write_text("label\nb\na\n")
    assert read_labels("a.csv", 2, 2, ("a", "b")).tolist() == [1, 0]
    for text, said in (("0\n5\n", "label 1 of a.csv is 5"), ("0\n", "1 labels of 2"), ("a\nb\n", "is 'a'")):
        Path("a.csv").write_text(text)
        with pytest.raises(WatermarkError, match=said):
            read_labels("a.csv", 2, 2)


def test_a_mark_comes_back_and_damage_is_found() -> None:
    found = MarkFile(world(10).mark, tuple("ABCDEFGHIJ"))
    write_mark(Path("a.mark"), found)
    assert read_mark(Path("a.mark")) == found
    text = Path("a.mark").read_text()
    for damaged in (text[:50], "[]", text.replace('"tau"', '"tao"'), text.replace('"A"', '"B"'), "{}"):
        Path("a.mark").write_text(damaged)
        with pytest.raises(FileFormatError):
            read_mark(Path("a.mark"))
    with pytest.raises(FileFormatError, match="embed' writes it"):
        read_mark(Path("none.mark"))
