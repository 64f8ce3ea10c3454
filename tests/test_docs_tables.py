"""The tables of the documentation are those of the stored rows: ``python benchmarks/pages.py`` writes them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.pages import ROOT
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    import pages

    return pages


def test_every_page_is_as_its_rows_are(pages: Any) -> None:
    changed = [path.name for path, text in pages.filled_pages().items() if text != path.read_text("utf-8")]
    assert not changed, "run `python benchmarks/pages.py`"


def test_no_table_is_empty_and_no_line_has_other_columns(pages: Any) -> None:
    for text in pages.filled_pages().values():
        for name, _ in pages._PLACE.findall(text):
            lines = pages._text_of(name).splitlines()
            assert len(lines) > 2, name
            assert len({line.count("|") for line in lines}) == 1, name


def test_a_table_is_put_between_its_marks(pages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pages.TABLES, "levels of search", ("levels", lambda _rows: (["a", "b"], [[1, r"\1"]])))
    page = "before\n<!-- table levels of search -->\nold\n<!-- end of table -->\nafter\n"
    once = pages.filled(page)
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "old" not in once
    assert "\n\n| a | b |\n| --- | --- |\n| 1 | \\1 |\n\n" in once
    assert pages.filled(once) == once


def test_pages_and_tables_must_know_each_other(pages: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    with pytest.raises(WatermarkError, match=r"no page of .* has these tables: .*thefts"):
        pages.filled_pages()
    with pytest.raises(WatermarkError, match="there is no table 'chairs': the tables are levels of search, "):
        pages.filled("<!-- table chairs -->\n<!-- end of table -->")
    (tmp_path / "page.md").write_text("<!-- table thefts -->\n\n<!-- table letters -->\n<!-- end of table -->")
    with pytest.raises(WatermarkError, match="a table without its end"):
        pages.filled_pages()


def test_checking_writes_nothing(
    pages: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- table levels of search -->\nold\n<!-- end of table -->\n")
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    monkeypatch.setattr(pages, "TABLES", {"levels of search": ("levels", lambda _rows: (["a"], [[1]]))})
    monkeypatch.setattr(sys, "argv", ["pages.py", "--check"])
    with pytest.raises(SystemExit) as stopped:
        pages.main()
    assert stopped.value.code == 1
    assert "old" in page.read_text()
    assert capsys.readouterr().out == "page.md: its tables are not those of the rows\n"
    monkeypatch.setattr(sys, "argv", ["pages.py"])
    pages.main()
    assert "| 1 |" in page.read_text()
    monkeypatch.setattr(sys, "argv", ["pages.py", "--check"])
    pages.main()
    assert capsys.readouterr().out == "page.md: written\n"
