"""The page in a browser: marking, verdicts, errors, by mouse and by keyboard, wide and narrow, light and dark."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the page needs the extra web")

from browser import CHROMIUM, Browser
from serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Server

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

READY = "!document.getElementById('desk').hidden"
CONTRAST = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
      if (colour[3] !== 0) throw new Error(`half transparent: ${one.outerHTML.slice(0, 80)}`);
    }
    return parts(getComputedStyle(document.body).backgroundColor);
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((u, v) => v - u);
    return (x + 0.05) / (y + 0.05);
  };
  const found = [];
  const note = (element, what, colour, ground, least) =>
    found.push([ratio(parts(colour), ground) / least, `${what} of ${element.outerHTML.slice(0, 60)}`]);
  for (const element of document.querySelectorAll("body, body *")) {
    const style = getComputedStyle(element);
    if (!element.checkVisibility({ opacityProperty: true })) continue;
    const said = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (said) note(element, "text", style.color, behind(element), 4.5);
    const hint = getComputedStyle(element, "::placeholder").color;
    if (element.placeholder) note(element, "placeholder", hint, behind(element), 4.5);
    if (element.matches("input, select, .drop, button, .button")) {
      note(element, "border", style.borderTopColor, behind(element.parentElement), 3);
    }
  }
  return found.sort((a, b) => a[0] - b[0]).slice(0, 3).concat([[1, `${found.length} looked at`]]);
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def page(browser: Browser, server: Server) -> Browser:
    browser.shape(1280)
    browser.call("Page.navigate", url="about:blank")
    browser.events.clear()
    browser.open(server.address)
    browser.wait_for(READY)
    return browser


def said(page: Browser, form: str) -> str:
    """Wait for the answer in a form, and return it."""
    return str(page.wait_for(f"document.querySelector('#{form}-result .notice')?.innerText ?? ''"))


def mark(page: Browser, file: Path, message: str) -> str:
    page.choose("#mark-file", file)
    page.run(f"document.getElementById('message').value = {message!r}")
    page.run("document.querySelector('#mark button.main').click()")
    return said(page, "mark")


def test_mark_download_and_read(page: Browser, picture: Path, tmp_path: Path) -> None:
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    assert mark(page, picture, "© Ada 2026").startswith("Marked, and read back.")
    page.run("document.querySelector('#mark-result a[download]').click()")
    file = tmp_path / "photo-marked.png"
    page.wait_for("true", lambda _: file.exists() and file.stat().st_size > 0)
    assert np.asarray(Image.open(file)).shape == (320, 400, 3)
    page.choose("#read-file", file)
    assert said(page, "read") == (
        "Marked by the key ada.key, message “© Ada 2026”; chance of a false alarm below 1 in a trillion."
    )
    page.choose("#read-file", picture)
    page.wait_for("document.querySelector('#read-result .none') !== null")
    assert said(page, "read") == "No mark of any of the 2 keys found."
    assert "no proof" in page.text()


def test_dropping_a_picture(page: Browser, marked: Path) -> None:
    """What a drop from another window does: the file comes with the event."""
    page.choose("#mark-file", marked)
    page.run(
        "const data = new DataTransfer(); data.items.add(document.getElementById('mark-file').files[0]);"
        "document.getElementById('read-drop').dispatchEvent("
        "new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))"
    )
    assert "key bob.key, message “© Ada 2026”" in said(page, "read")


def test_the_map_is_shown_when_it_is_opened(page: Browser, marked: Path) -> None:
    page.choose("#read-file", marked)
    assert "© Ada 2026" in said(page, "read")
    page.run("document.querySelector('#read-result summary').click()")
    page.wait_for("document.querySelector('#read-result details img')?.naturalWidth === 400")
    assert page.run("document.querySelector('#read-result details').open")
    assert "Where in the picture the mark is" in page.text()


def test_a_mark_of_another_message_is_offered_once_more(page: Browser, marked: Path) -> None:
    page.run("document.getElementById('key').value = 'bob.key'")
    assert "carries another message of this key already, '© Ada 2026'" in mark(page, marked, "Eve")
    page.run("document.querySelector('#mark-result button').click()")
    page.wait_for("document.querySelector('#mark-result .good') !== null")
    assert "Eve" in page.run("document.querySelector('#mark-result dl').innerText")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a text", "Not a picture file, one of"),
        (b"", "There is no picture in the request"),
        (bytes(3_000_000), "The file has 3 MB, the limit is 2 MB: scale the picture down."),
        (None, "Drop or choose a picture first."),
    ],
    ids=["text", "empty", "large", "none"],
)
def test_errors_are_said_where_they_belong(page: Browser, tmp_path: Path, content: bytes | None, line: str) -> None:
    if content is not None:
        (tmp_path / "photo.png").write_bytes(content)
        page.choose("#read-file", tmp_path / "photo.png")
    else:
        page.run("document.querySelector('#read button.main').click()")
    assert said(page, "read").startswith(line)
    assert page.run("document.querySelector('#read-result .bad').getAttribute('role')") == "alert"
    assert page.run("document.getElementById('mark-result').innerText") == ""


def test_what_a_picture_says_is_no_markup(page: Browser, picture: Path) -> None:
    message = '<img src=x onerror="document.title=1">'
    assert mark(page, picture, message).startswith("Marked")
    page.run("[...document.querySelectorAll('#mark-result button')].at(-1).click()")
    assert message in said(page, "read")
    assert page.run("document.title") == "Mark and read pictures"


def test_the_last_picture_asked_for_is_shown(page: Browser, picture: Path, marked: Path) -> None:
    for file in (picture, marked, picture, marked):
        page.choose("#read-file", file)
    assert "© Ada 2026" in said(page, "read")
    page.run("new Promise(done => setTimeout(done, 2000))")
    assert "© Ada 2026" in said(page, "read")


def test_two_tabs_at_once(page: Browser, server: Server, picture: Path, marked: Path, tmp_path: Path) -> None:
    with Browser(tmp_path) as other:
        other.open(server.address)
        other.wait_for(READY)
        for tab, file in ((page, picture), (other, marked)):
            tab.choose("#read-file", file)
        assert "No mark" in said(page, "read")
        assert "© Ada 2026" in said(other, "read")


def test_by_keyboard_alone(page: Browser, picture: Path) -> None:
    """Tab from one thing to the next, Space opens the file dialogue, Enter sends; what has the focus is outlined."""
    page.call("Page.setInterceptFileChooserDialog", enabled=True)
    outlined = "(e => getComputedStyle(e.type == 'file' ? e.parentElement : e).outlineStyle)(document.activeElement)"
    page.press("Tab")
    assert page.run("document.activeElement.id") == "mark-file"
    assert page.run(outlined) == "solid"
    page.press(" ")
    page.wait_for("true", lambda _: any(one.get("method") == "Page.fileChooserOpened" for one in page.events))
    [opened] = [one["params"] for one in page.events if one.get("method") == "Page.fileChooserOpened"]
    page.call("DOM.setFileInputFiles", files=[str(picture)], backendNodeId=opened["backendNodeId"])
    page.call("Page.setInterceptFileChooserDialog", enabled=False)
    page.press("Tab")
    page.type("Ada")
    visited = []
    for _ in range(3):
        page.press("Tab")
        visited.append(page.run("document.activeElement.id || document.activeElement.innerText"))
        assert page.run(outlined) == "solid"
    assert visited == ["fidelity", "key", "Mark it"]
    page.press("Enter")
    assert said(page, "mark").startswith("Marked")
    page.press("Tab")
    assert page.run("document.activeElement.innerText") == "Download"
    page.press("Tab")
    page.press("Enter")
    assert "message “Ada”" in said(page, "read")


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(page: Browser, picture: Path, tmp_path: Path, width: int, scheme: str) -> None:
    page.shape(width, scheme=scheme)
    mark(page, picture, "W" * 12)
    page.run("[...document.querySelectorAll('#mark-result button')].at(-1).click()")
    said(page, "read")
    for result in ("good", "bad", "odd", "none"):
        page.run(f"document.querySelector('#read-result .notice').className = 'notice {result}'")
        *worst, looked_at = page.run(CONTRAST)
        assert worst[0][0] >= 1, worst
        assert int(looked_at[1].split()[0]) > 20
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run("[...document.querySelectorAll('button, a, input, select')].every(e => e.labels === undefined || "
                    "e.labels === null || e.labels.length || e.innerText)")  # fmt: skip
    page.screenshot(tmp_path / "page.png")
    seen = np.asarray(Image.open(tmp_path / "page.png").convert("L"))
    assert seen.shape[1] == width
    assert np.median(seen) < 60 if scheme == "dark" else np.median(seen) > 200


def test_nothing_comes_from_elsewhere(page: Browser, server: Server) -> None:
    asked = [one["params"]["request"]["url"] for one in page.events if one.get("method") == "Network.requestWillBeSent"]
    assert asked
    assert all(url.startswith((server.address, "blob:")) for url in asked)
    assert not [one for one in page.events if one.get("method") == "Runtime.exceptionThrown"]


def test_a_token_from_the_address_or_typed(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, "--require-token") as one:
        browser.open(f"{one.address}#token={one.token}")
        browser.wait_for(READY)
        assert browser.run("location.href") == one.address  # what is on the screen no longer shows it
        browser.open(one.address)
        browser.wait_for(READY)  # the tab remembers
        browser.run("sessionStorage.clear()")
        browser.open(one.address)
        browser.wait_for("!document.getElementById('door').hidden")
        assert "ada.key" not in browser.text()
        browser.run("document.getElementById('token').focus()")
        browser.type("wrong")
        browser.press("Enter")
        browser.wait_for("!document.getElementById('trouble').hidden")
        assert "This is not the token: use the one that the server printed" in browser.text()
        browser.run("document.getElementById('token').value = ''")
        browser.type(str(one.token))
        browser.press("Enter")
        browser.wait_for(READY)


def test_a_server_that_ended_is_said_so(browser: Browser, marked: Path, tmp_path: Path) -> None:
    with serving(tmp_path) as one:
        browser.open(one.address)
        browser.wait_for(READY)
    shutil.copy(marked, tmp_path / "copy.png")
    browser.choose("#read-file", tmp_path / "copy.png")
    assert said(browser, "read") == "The program does not answer: see whether it still runs, then try again."
