"""Pictures on their way in: how many, how large, how fast."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from watermarking.web.rates import Rates
from watermarking.web.settings import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.datastructures import Headers
    from starlette.requests import Request
    from starlette.types import Receive

    from watermarking.web.settings import Limits

__all__ = ["Intake", "throw_away"]

_FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded", "text/plain")
"""What pages of other sites may send without asking: no program needs them here."""
_READ_ON: Final = 256_000_000
"""So much beyond the limit is read and thrown away, so that the sender comes to read the answer."""
_SOON: Final = 5


class Intake:
    """Counts pictures and reads their bytes, into memory alone."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rates = Rates(limits.per_minute)
        self._n_inside = 0

    @contextmanager
    def place(self, client: str, content_type: str) -> Iterator[None]:
        """Take a place for a picture, from before its first byte until it is answered.

        Raises
        ------
        Refusal
        """
        if content_type.partition(";")[0].strip().lower() in _FORMS:
            raise Refusal(
                415, "form", "send the file's bytes as the body, not a form: Content-Type: application/octet-stream"
            )
        if (wait := self._rates.wait(client)) > 0:
            raise Refusal(
                429, "rate", f"{self._limits.per_minute} pictures a minute are taken: go on in {wait} seconds", wait
            )
        if self._n_inside >= self._limits.n_workers + self._limits.n_waiting:
            raise Refusal(503, "busy", "too many pictures are being worked on: try again in some seconds", _SOON)
        self._rates.count(client)
        self._n_inside += 1
        try:
            yield
        finally:
            self._n_inside -= 1

    async def read(self, request: Request) -> bytes:
        """Return the body, a picture file.

        Raises
        ------
        Refusal
        """
        try:
            async with asyncio.timeout(self._limits.upload_seconds):
                data = await self._gathered(request)
        except TimeoutError:
            raise Refusal(
                408, "too_slow", f"the picture did not arrive within {self._limits.upload_seconds:g} seconds: try again"
            ) from None
        if not data:
            raise Refusal(400, "empty", "there is no picture in the request: send a file's bytes as its body")
        return data

    async def _gathered(self, request: Request) -> bytes:
        most = self._limits.max_bytes
        n_announced = _announced(request.headers)
        if n_announced > most and _waits_for_leave(request.headers):
            raise self._too_large()
        chunks: list[bytes] = []
        n_bytes = 0
        async for chunk in request.stream():
            n_bytes += len(chunk)
            if n_bytes > most + _READ_ON:
                break
            if max(n_bytes, n_announced) <= most:
                chunks.append(chunk)
            else:
                chunks.clear()
        if max(n_bytes, n_announced) > most:
            raise self._too_large()
        return b"".join(chunks)

    def _too_large(self) -> Refusal:
        return Refusal(
            413, "too_large", f"the file is larger than {self._limits.max_bytes / 1e6:g} MB: scale the picture down"
        )


async def throw_away(receive: Receive, headers: Headers) -> None:
    """Let the sender of a body that is refused unread come to read the answer: read on, keep nothing.

    A connection that is closed while bytes are under way is reset, and the answer with it.
    """
    if _waits_for_leave(headers) or not (_announced(headers) or "transfer-encoding" in headers):
        return
    n_bytes = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SOON):
            while n_bytes <= _READ_ON:
                message = await receive()
                n_bytes += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _waits_for_leave(headers: Headers) -> bool:
    """Say whether a sender sends nothing before it is told to go on."""
    return "100-continue" in headers.get("expect", "").lower()
