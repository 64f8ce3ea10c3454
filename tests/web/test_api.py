"""The API as programs use it: marking, reading, and what it says of itself."""

from __future__ import annotations

import base64
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the page needs the extra web")
jsonschema = pytest.importorskip("jsonschema")

if TYPE_CHECKING:
    from pathlib import Path

    from serving import Server


def check(server: Server, name: str, fields: Any) -> None:
    """Compare fields with what the API's description promises."""
    schema = server.ask("GET", "/api/v1/openapi.json").fields["components"]["schemas"][name]
    jsonschema.validate(fields, schema)
    assert set(fields) == set(schema["properties"])


def test_marked_there_and_read_back(server: Server, picture: Path) -> None:
    answer = server.mark(picture.read_bytes(), message="Ada", fidelity="strong")
    receipt = json.loads(answer.headers["watermark-receipt"])
    check(server, "Receipt", receipt)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert receipt["key"] == "ada.key"
    assert receipt["verified"]
    assert receipt["fidelity"] == pytest.approx(80, abs=1.5)
    found = server.read(answer.body).fields
    check(server, "Reading", found)
    assert (found["verdict"], found["message"], found["key"]) == ("marked", "Ada", "ada.key")
    assert found["sentence"] == (
        "Marked by the key ada.key, message “Ada”; chance of a false alarm below 1 in a trillion."
    )


def test_a_turned_copy_is_told_apart_by_key_and_angle(server: Server, marked: Path) -> None:
    turned = io.BytesIO()
    Image.open(marked).rotate(7, Image.Resampling.BICUBIC, expand=True).save(turned, "JPEG", quality=92)
    found = server.read(turned.getvalue()).fields
    check(server, "Reading", found)
    assert (found["message"], found["key"]) == ("© Ada 2026", "bob.key")
    assert found["geometry"]["rotation"] == pytest.approx(7, abs=0.2)
    assert found["sentence"] == (
        "Marked by the key bob.key, message “© Ada 2026”, turned by 7 degrees; chance of a false alarm below 1 in a "
        "trillion."
    )


def test_a_map_shows_what_was_painted_over(server: Server, marked: Path) -> None:
    assert server.read(marked.read_bytes()).fields["map"] is None  # only if asked for
    with Image.open(marked) as one:
        changed = one.convert("RGB")
    changed.paste((90, 120, 60), (100, 80, 260, 220))
    stream = io.BytesIO()
    changed.save(stream, "PNG")
    found = server.read(stream.getvalue(), map="true").fields
    check(server, "Reading", found)
    assert found["message"] == "© Ada 2026"
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(found["map"]))), np.int16)
    assert shown.shape == (320, 400, 3)
    red = shown[..., 0] - shown[..., 2] > 60
    assert red[110:190, 140:220].mean() > 0.5
    assert red[:40].mean() < 0.05
    wrong = server.read(stream.getvalue(), map="maybe")
    assert (wrong.status, "neither true nor false" in wrong.error) == (400, True)


def test_no_mark_and_cannot_tell(server: Server, picture: Path) -> None:
    found = server.read(picture.read_bytes()).fields
    check(server, "Reading", found)
    assert (found["verdict"], found["found"], found["sentence"]) == (
        "no mark", False, "No mark of any of the 2 keys found.",
    )  # fmt: skip
    for size, verdict, why in (
        ((16, 16), "cannot tell", "16x16 pixels are too few"),
        ((300, 300), "no mark", "No mark"),
    ):
        plain = io.BytesIO()
        Image.new("RGB", size, (90, 120, 60)).save(plain, "PNG")
        found = server.read(plain.getvalue()).fields
        assert found["verdict"] == verdict
        assert why in found["sentence"]


def test_a_known_message_is_found_where_reading_fails(server: Server, marked: Path) -> None:
    """Blurred and coded until the message is lost, yet not the evidence for it."""
    ruined = io.BytesIO()
    small = Image.open(marked).resize((132, 106), Image.Resampling.LANCZOS)
    small.resize((400, 320), Image.Resampling.BICUBIC).save(ruined, "JPEG", quality=30)
    alone = server.read(ruined.getvalue()).fields
    if alone["found"]:
        pytest.fail("the picture must be damaged more for this test")
    found = server.read(ruined.getvalue(), message="© Ada 2026").fields
    check(server, "Reading", found)
    assert (found["verdict"], found["message"], found["key"]) == ("marked", "© Ada 2026", "bob.key")
    assert found["p_value"] <= 1e-6
    other = server.read(ruined.getvalue(), message="(c) Bob 2026").fields
    assert other["message"] is None


def test_a_message_that_is_not_the_one_given(server: Server, marked: Path) -> None:
    found = server.read(marked.read_bytes(), message="Bob").fields
    assert found["message"] == "© Ada 2026"
    assert found["notes"] == ["It is not the message that you gave."]


def test_marked_twice_is_once_and_another_message_refused(server: Server, marked: Path) -> None:
    data = marked.read_bytes()
    same = server.mark(data, message="© Ada 2026", key="bob.key")
    assert same.body == data
    assert json.loads(same.headers["watermark-receipt"])["already_marked"]
    other = server.mark(data, message="Eve", key="bob.key")
    assert (other.status, other.error.split(":")[0]) == (409, "already_marked")
    assert server.mark(data, message="Eve", key="bob.key", again="true").status == 200


def test_bytes_as_messages(server: Server, picture: Path) -> None:
    marked = server.mark(picture.read_bytes(), message_hex="00ff10").body
    found = server.read(marked).fields
    assert (found["message"], found["message_hex"]) == (None, "00ff10")
    assert "of the bytes 00ff10" in found["sentence"]


def test_about_names_keys_and_limits_and_no_secret(server: Server) -> None:
    about = server.ask("GET", "/api/v1/about")
    check(server, "About", about.fields)
    assert about.fields["keys"] == ["ada.key", "bob.key"]
    assert about.fields["max_pixels"] == 1_000_000
    assert b"00" * 16 not in about.body


def test_every_path_of_the_description_is_there_and_no_other(server: Server) -> None:
    described = server.ask("GET", "/api/v1/openapi.json").fields
    assert described["openapi"].startswith("3.1")
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            answer = server.ask(method.upper(), path, b"" if method == "post" else None)
            assert str(answer.status) in operation["responses"]
            assert answer.status in (200, 400)
    assert server.ask("GET", "/api/v1/nothing").error.startswith("nothing_here")
    wrong = server.ask("GET", "/api/v1/mark")
    assert (wrong.status, wrong.error) == (405, "method: GET is not what this address takes: use POST")


def test_the_server_answers_while_it_works(server: Server, picture: Path) -> None:
    """Four pictures are read at once; meanwhile it says what it is within the blink of an eye."""
    data = picture.read_bytes()
    with ThreadPoolExecutor(4) as tabs:
        working = [tabs.submit(server.read, data) for _ in range(4)]
        waits = []
        while not all(one.done() for one in working):
            start = time.perf_counter()
            assert server.ask("GET", "/api/v1/about").status == 200
            waits.append(time.perf_counter() - start)
            time.sleep(0.02)
        assert {one.result().fields["verdict"] for one in working} == {"no mark"}
    assert sorted(waits)[len(waits) // 2] < 0.5


def test_nothing_is_kept(server: Server, picture: Path, marked: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    server.mark(picture.read_bytes(), message="x")
    server.read(marked.read_bytes())
    server.read(picture.read_bytes()[:1000])
    [place] = tmp_path_factory.getbasetemp().glob("server0")
    assert sorted(file.name for file in place.rglob("*")) == ["ada.key", "bob.key", "temporary"]
