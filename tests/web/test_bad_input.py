"""Whatever is sent: one clear answer, and the server stays up."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import struct
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the page needs the extra web")

from serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Server


@pytest.fixture(autouse=True)
def still_up(server: Server, marked: Path) -> Iterator[None]:
    """After each test the server still reads a picture."""
    yield
    assert server.read(marked.read_bytes()).fields["message"] == "© Ada 2026"


def bomb() -> bytes:
    """A PNG of a few hundred kilobytes that would be 900 megapixels of black."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(3751) * 30_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def film(kind: str) -> bytes:
    frames = [Image.fromarray(np.full((64, 64, 3), level, np.uint8)) for level in (20, 120, 220)]
    target = io.BytesIO()
    frames[0].save(target, kind, save_all=True, append_images=frames[1:])
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "status", "line"),
    [
        (b"", 400, "empty: there is no picture in the request: send a file's bytes as its body"),
        (b"this is a text\n" * 100, 415, "format: not a picture file"),
        (film("PNG"), 415, "format: the PNG file has 3 frames of an animation, 1 is needed"),
        (film("WebP"), 415, "format: the WebP file has 3 frames of an animation, 1 is needed"),
        (film("GIF"), 415, "format: GIF is not read: its few colours leave a mark no room: convert it to PNG first"),
        (bomb(), 413, "too_large: the picture has 30000x30000 pixels, the limit is 1000000: scale it down"),
        (b"\xff\xd8\xff\xe0" + bytes(500), 415, "format: the JPEG file cannot be decoded"),
        (b"<!doctype html><html>", 415, "format: a web page is not read: fetch the picture itself"),
        (b"PK\x03\x04" + bytes(100), 415, "format: an archive (ZIP) is not read: take the pictures out of it first"),
    ],
    ids=["nothing", "text named .png", "animated PNG", "animated WebP", "GIF", "bomb", "damaged", "a page", "ZIP"],
)  # fmt: skip
@pytest.mark.parametrize("what", ["mark", "read"])
def test_what_is_no_picture(server: Server, what: str, data: bytes, status: int, line: str) -> None:
    answer = server.ask("POST", f"/api/v1/{what}", data, message="Ada")
    assert answer.status == status
    assert answer.error.startswith(line)
    assert "\n" not in answer.error


@pytest.mark.parametrize(
    ("asked", "status", "line"),
    [
        ({}, 400, "request: a message is needed"),
        ({"message": ""}, 400, "request: a message is needed"),
        ({"message": "a", "message_hex": "00"}, 400, "request: message and message_hex are two messages"),
        ({"message_hex": "0g"}, 400, "request: message_hex is not an even number"),
        ({"message": "a", "key": "../../etc/passwd"}, 400, "request: there is no key '../../etc/passwd' here"),
        ({"message": "a", "fidelity": "loud"}, 400, "request: a fidelity of 'loud' cannot be aimed at"),
        ({"message": "a", "fidelity": "nan"}, 400, "request: a fidelity of nan cannot be aimed at"),
        ({"message": "a", "again": "maybe"}, 400, "request: again='maybe' is neither true nor false"),
        ({"message": "a", "colour": "red"}, 400, "request: 'colour' is not known here"),
        ({"message": "a" * 5000}, 422, "capacity: the message has 5000 bytes"),
    ],
)
def test_what_makes_no_sense(server: Server, picture: Path, asked: dict[str, str], status: int, line: str) -> None:
    answer = server.ask("POST", "/api/v1/mark", picture.read_bytes(), **asked)
    assert (answer.status, answer.error[: len(line)]) == (status, line)


@pytest.mark.parametrize(
    ("query", "line"),
    [
        (b"message=%FF%FE", "request: the query string is not UTF-8"),
        (b"message=\xff\xfe", "request: the query string is not UTF-8"),
        (b"%E9=1&message=Ada", "request: the query string is not UTF-8"),
        (b"message=Ada&message=Bob", "request: 'message' is there twice"),
        (b"&".join(b"a%d=1" % number for number in range(30)), "request: the query string has more than 20 fields"),
    ],
    ids=["escaped", "raw", "a name", "twice", "many"],
)
@pytest.mark.parametrize("what", ["mark", "read"])
def test_a_query_that_cannot_be_understood(server: Server, picture: Path, what: str, query: bytes, line: str) -> None:
    """Nothing else is marked or looked for in its place."""
    data = b"" if max(query) > 127 else picture.read_bytes()  # the connection is closed upon such bytes
    head = b"POST /api/v1/%s?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
        wire.sendall(head % (what.encode(), query, len(data)) + data)
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    if b"application/json" in answer:  # bytes that no address may have are refused before anybody looks at them
        error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
        assert f"{error['code']}: {error['message']}".startswith(line)


def test_a_hundred_megabytes(server: Server) -> None:
    """Whoever sends them all at once reads the answer; whoever asks first need not send them."""
    answer = server.read(bytes(100_000_000))
    assert (answer.status, answer.error) == (
        413, "too_large: the file is larger than 2 MB: scale the picture down",
    )  # fmt: skip
    asking = f"POST /api/v1/read HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {10**8}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
        wire.sendall(asking.encode())
        assert wire.recv(10_000).startswith(b"HTTP/1.1 413 ")


def test_a_refusal_can_be_read_behind_a_large_body(server: Server) -> None:
    """A connection closed upon unread bytes is reset, and the reason with it."""
    for headers, status in (({"Origin": "http://evil.example"}, 403), ({"Content-Type": "text/plain"}, 415)):
        assert server.ask("POST", "/api/v1/read", bytes(20_000_000), headers).status == status


def test_a_body_of_unknown_length_is_bounded_too(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
        wire.sendall(b"POST /api/v1/read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(30):
            wire.sendall(b"186a0\r\n" + bytes(100_000) + b"\r\n")
        wire.sendall(b"0\r\n\r\n")
        assert wire.recv(10_000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain"])
def test_what_forms_of_any_site_can_send_is_refused(server: Server, picture: Path, kind: str) -> None:
    answer = server.ask("POST", "/api/v1/read", picture.read_bytes(), {"Content-Type": kind})
    assert (answer.status, answer.error.split(":")[0]) == (415, "form")


def test_dropped_connections_cost_nothing(server: Server, picture: Path) -> None:
    """Thirty leave in the middle of a picture, thirty before the answer: no place and no file stays taken."""
    data = picture.read_bytes()
    head = f"POST /api/v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    before = n_open_files(server)
    for sent in (head + data[: len(data) // 2], head + data):
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
                wire.sendall(sent)
            time.sleep(0.02)
    deadline = time.monotonic() + 60
    while server.read(data).status != 200 or n_open_files(server) > before:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def n_open_files(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_noise_on_the_wire(server: Server) -> None:
    for noise in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9\r\n\r\n", b"GET /" + b"a" * 200_000, b"\r\n\r\n\0"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
            with contextlib.suppress(OSError):  # it may have answered and closed before all of it was sent
                wire.sendall(noise)
                wire.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                assert b"200 OK" not in wire.recv(10_000)


def test_too_many_pictures_a_minute(tmp_path: Path, picture: Path) -> None:
    with serving(tmp_path, "--per-minute", "3") as slow:
        statuses = [slow.read(b"").status for _ in range(3)]
        answer = slow.read(picture.read_bytes())
    assert statuses == [400, 400, 400]
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 20
    assert answer.error.startswith("rate: 3 pictures a minute are taken: go on in ")
