"""What the tests of the page and its API share: a server, and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from covers import photograph
from PIL import Image
from serving import Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not change it; its temporary files would be in ``temporary`` below."""
    place = tmp_path_factory.mktemp("server")
    (place / "temporary").mkdir()
    limits = ("--max-megabytes", "2", "--max-megapixels", "1", "--per-minute", "10000")
    with serving(place, *limits, TMPDIR=str(place / "temporary")) as one:
        yield one


@pytest.fixture(scope="package")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pictures") / "photo.png"
    Image.fromarray(photograph((320, 400, 3))).save(file)
    return file


@pytest.fixture(scope="package")
def marked(server: Server, picture: Path) -> Path:
    """The picture, marked by the second key through the API."""
    file = picture.with_name("photo-marked.png")
    answer = server.mark(picture.read_bytes(), message="© Ada 2026", key="bob.key")
    assert answer.status == 200, answer.body
    file.write_bytes(answer.body)
    return file
