"""The documentation is built without network, opens from the disk, and is whole on a desk and on a telephone."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser import CHROMIUM, Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))
NOWHERE = "http://127.0.0.1:9"  # a proxy that nobody answers at: whatever asks the network, fails
CUT_OFF = """(() => {
    const scrolls = (one) => one
        && (["auto", "scroll"].includes(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
    const aside = ".md-sidebar, .md-search, .md-overlay, .md-dialog, .md-top, .md-nav, .headerlink";
    const wide = document.documentElement.scrollWidth;
    return [...document.body.querySelectorAll("*")].filter((one) => {
        const box = one.getBoundingClientRect();
        return box.width && box.height && getComputedStyle(one).visibility != "hidden" && !one.closest(aside)
            && (box.right > innerWidth + 1 || box.left < -1) && !scrolls(one);
    }).map((one) => one.outerHTML.slice(0, 120)).concat(wide > innerWidth ? ["the page is as wide as " + wide] : []);
})()"""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mkdocs") is None, reason="the site is built with the extra docs, which is not installed"
)
with_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to open the site in")


class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors it has."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in {"script", "img", "iframe", "source"} and "src" in given:
            self.loaded.append(given["src"])
        elif tag == "link" and given.get("rel") not in {"canonical", "prev", "next"}:
            self.loaded.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)]
    proxies = {"http_proxy": NOWHERE, "https_proxy": NOWHERE, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **proxies}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


def test_every_page_was_built(site: Path) -> None:
    assert {path.stem for path in site.glob("*.html")} == {*PAGES, "404"}


@pytest.mark.parametrize("name", PAGES)
def test_links_and_anchors_lead_somewhere(site: Path, name: str) -> None:
    page = Page(site / f"{name}.html")
    for link in [*page.links, *page.loaded]:
        parts = urlsplit(link)
        if parts.scheme in {"http", "https"}:
            assert link in page.links, f"{link} would be loaded from elsewhere"
            continue
        target = site / unquote(parts.path) if parts.path else site / f"{name}.html"
        target = target / "index.html" if target.is_dir() else target
        assert target.is_file(), link
        if parts.fragment and parts.fragment != "__comments":
            assert unquote(parts.fragment) in Page(target).anchors, link


def test_the_reference_has_what_is_promised(site: Path) -> None:
    import watermarking as wm

    anchors = {anchor.rpartition(".")[2] for anchor in Page(site / "api.html").anchors}
    assert {name for name in wm.__all__ if name != "__version__"} <= anchors


@with_browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_off_and_nothing_is_asked_of_the_network(
    site: Path, browser: Browser, name: str, width: int
) -> None:
    browser.events.clear()
    browser.shape(width)
    browser.open((site / f"{name}.html").as_uri())
    assert browser.run(CUT_OFF) == []
    assert browser.run("[...document.images].filter((one) => !one.naturalWidth).map((one) => one.src)") == []
    asked = [event["params"]["request"]["url"] for event in browser.events
             if event.get("method") == "Network.requestWillBeSent"]  # fmt: skip
    assert asked
    assert [address for address in asked if not address.startswith(("file:", "data:", "blob:"))] == []
    failed = [event["params"] for event in browser.events
              if event.get("method") in {"Network.loadingFailed", "Runtime.exceptionThrown"}]  # fmt: skip
    assert failed == []


@with_browser
def test_the_search_works_from_the_disk(site: Path, browser: Browser) -> None:
    browser.shape(1280)
    browser.open((site / "index.html").as_uri())
    browser.run("document.querySelector('[data-md-component=search-query]').focus()")
    browser.type("collusion")
    browser.wait_for("document.querySelectorAll('.md-search-result__item a').length")
    assert "tracing-codes.html" in browser.run(
        "[...document.querySelectorAll('.md-search-result__item a')].map((one) => one.href).join()"
    )
