"""Who may ask: nothing reaches the API that another site sent, that has another name in it, or lacks the token.

A browser sends requests for any page that it shows, to this machine as well. Three rules keep those out: the Host must
be an IP address or a name of this server (else a site whose name is made to point here would be its own origin: DNS
rebinding); an Origin must be that Host; and what the browser says of where the request comes from must be "here".
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders

from watermarking.web.answers import refused
from watermarking.web.intake import throw_away
from watermarking.web.rates import Rates
from watermarking.web.settings import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from watermarking.web.settings import Settings

__all__ = ["OPEN_PATHS", "Guard", "client_of"]

OPEN_PATHS: Final = frozenset({"/api/v1/openapi.json"})
"""Parts of the API that say nothing of this server and need no token."""
_SAFE: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware: refuses before anything is read, and gives every answer its headers."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._wrong_tokens = Rates(settings.limits.wrong_tokens)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE.items():
                    headers[name] = value
            await send(message)

        headers = Headers(scope=scope)
        try:
            self._check(scope["path"], headers, client_of(scope))
        except Refusal as refusal:
            await throw_away(receive, headers)
            await refused(refusal)(scope, receive, send_safely)
        else:
            await self._app(scope, receive, send_safely)

    def _check(self, path: str, headers: Headers, client: str) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            shown = ", ".join(hosts)[:80] or "no host"
            line = f"this server does not answer for {shown!r}: use its IP address, or allow the name with --name"
            raise Refusal(421, "host", line)
        if not path.startswith("/api/"):
            return
        _check_origin(headers, hosts[0])
        if self._settings.token is not None and path not in OPEN_PATHS:
            self._check_token(headers.get("authorization", ""), self._settings.token, client)

    def _is_ours(self, host: str) -> bool:
        name = _without_port(host).lower().removesuffix(".")
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._settings.hosts
        return True

    def _check_token(self, given: str, token: str, client: str) -> None:
        kind, _, value = given.partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(value.strip().encode(), token.encode()):
            return  # whatever others tried from the same address: the token's length keeps guesses out, not the count
        if (wait := self._wrong_tokens.wait(client)) > 0:
            raise Refusal(429, "rate", "too many wrong tokens: wait, then use the one that the server printed", wait)
        if given:  # without any it is a page that has not been told it yet
            self._wrong_tokens.count(client)
        what = "this is not the token" if given else "a token is needed"
        raise Refusal(401, "token", f"{what}: use the one that the server printed when it started")


def client_of(scope: Scope) -> str:
    """Return the address that a request comes from."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _check_origin(headers: Headers, host: str) -> None:
    origins = headers.getlist("origin")
    ours = {f"http://{host.lower()}", f"https://{host.lower()}"}
    foreign = any(origin.lower() not in ours for origin in origins)
    if foreign or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refusal(403, "origin", "another site sent this request: open this server's own page instead")
