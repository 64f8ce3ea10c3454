"""What README and docs show is run, each block by some test: tests/pages.py says how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.page_places import PLACES
from tests.pages import ROOT, Block, blocks_of, check_block, page_path, run_page

PAGES = ["README.md", *sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").glob("*.md"))]
SLOW = [name for name in PLACES if any(block.slow for block in blocks_of(name))]
# The library datasets leaves files open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.mark.parametrize("name", PLACES)
def test_what_a_page_shows_is_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    PLACES[name](tmp_path)
    run_page(name, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")  # Ray's
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", SLOW)
def test_what_takes_long_is_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    PLACES[name](tmp_path)
    run_page(name, tmp_path, slow=True)


def has_a_test_of_its_own(name: str) -> bool:
    """Say whether some other file runs the page, or reads its blocks."""
    others = (path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__))
    return any(f'run_page("{name}"' in text or f'docs/{name}")' in text for text in map(Path.read_text, others))


def test_every_page_with_code_is_run() -> None:
    pages = [name for name in PAGES if blocks_of(name) and name not in PLACES]
    assert [name for name in pages if not has_a_test_of_its_own(name)] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_fence_is_a_block(name: str) -> None:
    """A fence that the pattern misses, an indented one for example, would be run by nobody."""
    text = page_path(name).read_text("utf-8")
    assert len(re.findall(r"^\s*(```|~~~)", text, re.MULTILINE)) == 2 * len(blocks_of(name))
    if not has_a_test_of_its_own(name):
        for block in blocks_of(name):
            if block.language not in {"python", "console"} and block.title is None:
                check_block(block)


def test_readme_fits_a_few_screens() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120


def test_links_of_the_readme_lead_somewhere() -> None:
    found = re.findall(r"\]\(([^)\s]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert found
    for target in found:
        path, _, anchor = target.partition("#")
        assert (ROOT / path).is_file(), target
        headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text("utf-8"), re.MULTILINE) if anchor else []
        assert not anchor or anchor in [re.sub(r"[^\w ]", "", one).lower().replace(" ", "-") for one in headings]


@pytest.mark.parametrize(
    "block",
    [
        Block("sh", None, False, "make nothing\n"),
        Block("sh", None, False, "pip install 'watermarking[nothing]'\n"),
        Block("sh", None, False, "rm -rf /\n"),
        Block("text", None, False, "watermarking embed a.jpg\n"),
        Block("ruby", None, False, "puts 1\n"),
    ],
)
def test_what_cannot_be_run_is_refused(block: Block) -> None:
    with pytest.raises(AssertionError):
        check_block(block)


def test_a_page_that_is_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.pages.ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    for code in ("```python\n>>> 1 + 1\n3\n\n```", "```python\nno_prompt = 1\n```", "```console\n$ echo a\nb\n```",
                 "```console\n$ false\n```"):  # fmt: skip
        (tmp_path / "docs/page.md").write_text(f"# Page\n\n{code}\n")
        with pytest.raises(AssertionError):
            run_page("page.md", tmp_path)
