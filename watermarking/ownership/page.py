"""``report.html``: made of what ``report.json`` says and of nothing else, so that a page that says more is found."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking import __version__
from watermarking.ownership.stored import picture_name, store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from watermarking.interface import Image
    from watermarking.ownership.pairing import Pair
    from watermarking.ownership.stored import Loaded

__all__ = ["html_problems", "page", "page_problems", "rendered", "shown"]

_SHOWN: Final = 12
_AMPLIFIED: Final = 8


def shown(folder: Path, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Store, for the page, how the first of the suspect's answers differ from the owner's, amplified."""
    return [
        {
            "name": str(pair.name),
            "difference": None if pair.own is None
            else store(folder, f"{number:06d}-difference", _difference(pair.suspect, pair.own)),
        }
        for number, pair in enumerate(pairs[:_SHOWN])
    ]  # fmt: skip


def _difference(suspect: Image, own: Image) -> Image:
    return np.asarray(np.clip((suspect.astype(np.int16) - own) * _AMPLIFIED + 128, 0, 255), np.uint8)


def page(report: Mapping[str, Any]) -> str:
    """Return the page of what a report says; the same one for the same report and version."""
    files = [
        {
            "name": one["name"],
            **{who: pair[who] and picture_name(pair[who]["file"]) for who in ("suspect", "own")},
            "difference": one["difference"] and picture_name(one["difference"]["file"]),
        }
        for one, pair in zip(report["shown"], report["pictures"], strict=False)
    ]
    blind = report["pictures"][0]["own"] is None
    mark = json.dumps(report["mark"], sort_keys=True)
    return rendered("report.html", report=report, shown=files, amplified=_AMPLIFIED, mark=mark, blind=blind)


def rendered(template: str, **values: Any) -> str:
    """Return one of the package's templates with values in it; a value that is missing is an error."""
    import jinja2

    text = resources.files("watermarking.ownership").joinpath("templates", template).read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(text).render(values)


def page_problems(folder: Path, report: Mapping[str, Any], loaded: Loaded) -> list[str]:
    """Return in what a report's page is not what was written, or not what the report says."""
    problems = html_problems(folder, report, lambda: page(report))
    for number, found in enumerate(loaded.differences):
        if found is None or not loaded.own:
            continue
        one, two = loaded.suspect[number], loaded.own[number]
        if one.shape == two.shape and not np.array_equal(found, _difference(one, two)):
            problems.append(f"{report['shown'][number]['difference']['file']} does not show how the answers differ")
    return problems


def html_problems(folder: Path, report: Mapping[str, Any], make: Callable[[], str]) -> list[str]:
    """Return in what ``report.html`` is not what was written, or not what is made of the report now.

    A page of another version of this software is compared by its hash alone: that one may have said it in other words.
    """
    import jinja2

    try:
        content = (folder / "report.html").read_bytes()
    except OSError:
        return ["report.html is missing"]
    if hashlib.sha256(content).hexdigest() != report.get("page_sha256"):
        return ["report.html is not what was written"]
    if report["watermarking"] != __version__:
        return []
    try:
        same = make().encode() == content
    except (jinja2.TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        same = False
    return [] if same else ["report.html does not say what report.json says"]
