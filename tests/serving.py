"""A server as people start it, and how tests ask it."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from watermarking.keys import Key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 300  # seconds: on a new machine the first picture waits for compilation


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return f"{self.fields['error']['code']}: {self.fields['error']['message']}"


class Server(NamedTuple):
    address: str
    port: int
    token: str | None
    process: subprocess.Popen[str]

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        **asked: str,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        query = f"?{urlencode(asked)}" if asked else ""
        connection.request(method, f"{path}{query}", body, headers or {})
        response = connection.getresponse()
        found = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return found

    def mark(self, data: bytes, **asked: str) -> Answer:
        return self.ask("POST", "/api/v1/mark", data, **asked)

    def read(self, data: bytes, **asked: str) -> Answer:
        return self.ask("POST", "/api/v1/read", data, **asked)


@contextmanager
def serving(place: Path, *options: str, **environment: str) -> Iterator[Server]:
    """Start ``watermarking web`` on any free port, with two keys."""
    keys = [place / "ada.key", place / "bob.key"]
    for number, file in enumerate(keys):
        if not file.exists():
            Key(bytes([number]) * 32).save(file)
    command = [sys.executable, "-m", "watermarking", "web", "--port", "0", "-k", str(keys[0]), "-k", str(keys[1])]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place,
        env={**os.environ, "PYTHONWARNINGS": "error", **environment},
    )  # fmt: skip
    said: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    listener = threading.Thread(target=said.extend, args=(process.stderr,))  # a full pipe would stop it
    listener.start()
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"(http://\S+?:(\d+)/)(?:#token=(\S+))?\n", line)
        assert found is not None, f"{line!r} {said}"
        yield Server(found[1], int(found[2]), found[3], process)
    finally:
        process.terminate()
        process.wait(30)
        listener.join()
        process.stdout.close()
        process.stderr.close()
        assert not [one for one in said if "Traceback" in one or "Error" in one], "".join(said)
