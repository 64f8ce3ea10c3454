"""The server: routes, and the socket it listens on."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

import watermarking
from watermarking.errors import WatermarkError
from watermarking.web.answers import as_json, json_answer, refused
from watermarking.web.crew import Crew
from watermarking.web.guard import Guard, client_of
from watermarking.web.intake import Intake, throw_away
from watermarking.web.jobs import Answer, Desk
from watermarking.web.openapi import describe
from watermarking.web.requests import mark_job, query_fields, read_job
from watermarking.web.settings import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import Receive

    from watermarking.web.jobs import MarkJob, ReadJob
    from watermarking.web.settings import Settings

__all__ = ["is_loopback", "listen", "make_app", "serve"]

_FILES: Final = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_MOST_CONNECTIONS: Final = 64
_LONGEST_HEAD: Final = 65_536
_GONE: Final = 499  # what others say of a client that left; nobody reads it


def make_app(settings: Settings) -> Starlette:
    """Return the application (ASGI); its processes live as long as its lifespan."""
    limits = settings.limits
    desk = Desk(keys=settings.keys, key_names=settings.key_names, scheme=settings.scheme)
    crew = Crew(desk, n_workers=limits.n_workers, seconds=limits.work_seconds, max_pixels=limits.max_pixels)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        crew.start()
        try:
            yield
        finally:
            await asyncio.to_thread(crew.close)

    api = _Api(settings, crew)
    return Starlette(
        routes=[
            *(Route(path, _page(*file)) for path, file in _FILES.items()),
            Route("/api/v1/openapi.json", api.openapi),
            Route("/api/v1/about", api.about),
            Route("/api/v1/mark", api.mark, methods=["POST"]),
            Route("/api/v1/read", api.read, methods=["POST"]),
        ],
        middleware=[Middleware(Guard, settings=settings)],
        exception_handlers={Refusal: _on_refusal, HTTPException: _on_http, ClientDisconnect: _on_leaving},
        lifespan=lifespan,
    )


class _Api:
    """What the API does."""

    def __init__(self, settings: Settings, crew: Crew) -> None:
        self._settings, self._crew = settings, crew
        self._intake = Intake(settings.limits)

    async def openapi(self, _request: Request) -> Response:
        return json_answer(describe(self._settings))

    async def about(self, _request: Request) -> Response:
        limits = self._settings.limits
        return json_answer(
            {
                "version": watermarking.__version__,
                "keys": list(self._settings.key_names),
                "max_bytes": limits.max_bytes,
                "max_pixels": limits.max_pixels,
                "per_minute": limits.per_minute,
            }
        )

    async def mark(self, request: Request) -> Response:
        done = await self._done(request, lambda data: mark_job(data, asked_for(request), self._settings.key_names))
        headers = {"watermark-receipt": as_json(done.fields), "content-disposition": "attachment"}
        return Response(done.content, headers=headers, media_type=done.media)

    async def read(self, request: Request) -> Response:
        done = await self._done(request, lambda data: read_job(data, asked_for(request)))
        return json_answer(done.fields)

    async def _done(self, request: Request, job_of: Callable[[bytes], MarkJob | ReadJob]) -> Answer:
        headers, with_place = request.headers, contextlib.ExitStack()
        with with_place:
            try:
                job_of(b"")  # what is wrong with the rest of the request is said before the picture is read
                kind = headers.get("content-type", "")
                with_place.enter_context(self._intake.place(client_of(request.scope), kind))
            except Refusal:
                await throw_away(request.receive, headers)
                raise
            job = job_of(await self._intake.read(request))
            answer: Answer = await _unless_gone(self._crew.carry_out(job), request.receive)
        return answer


def asked_for(request: Request) -> dict[str, str]:
    """Return the fields of a request's query string."""
    return query_fields(request.scope["query_string"])


async def _unless_gone(work: Any, receive: Receive) -> Answer:
    """Wait for work; give it up if the client leaves."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        answer: Answer = working.result()
        return answer
    finally:
        working.cancel()
        leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _page(name: str, media: str) -> Callable[[Request], Awaitable[Response]]:
    content = resources.files("watermarking.web").joinpath("page", name).read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(content, media_type=media)

    return answer


async def _on_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refused(error)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return refused(Refusal(405, "method", f"{request.method} is not what this address takes: use {allowed}"))
    return refused(Refusal(error.status_code, "nothing_here", "there is nothing here: see / and /api/v1/openapi.json"))


async def _on_leaving(_request: Request, _error: Exception) -> Response:
    return Response(status_code=_GONE)


def listen(host: str, port: int) -> socket.socket:
    """Open the socket of a server.

    Raises
    ------
    WatermarkError
        If there is no such address here, or the port is taken.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        opened = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        line = f"there is no address {host!r} to listen on ({error}): 127.0.0.1 is this machine"
        raise WatermarkError(line) from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_MOST_CONNECTIONS)
    except OSError as error:
        opened.close()
        raise WatermarkError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another with --port, 0 takes any"
        ) from error
    return opened


def is_loopback(opened: socket.socket) -> bool:
    """Say whether nobody but this machine can reach a socket."""
    return ipaddress.ip_address(opened.getsockname()[0].partition("%")[0]).is_loopback


def serve(settings: Settings, opened: socket.socket) -> None:
    """Answer until the process is told to end."""
    config = uvicorn.Config(
        make_app(settings), http="h11", ws="none", loop="asyncio", lifespan="on", log_level="warning", access_log=False,
        server_header=False, proxy_headers=False, limit_concurrency=_MOST_CONNECTIONS, timeout_keep_alive=5,
        timeout_graceful_shutdown=3, h11_max_incomplete_event_size=_LONGEST_HEAD,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[opened])
