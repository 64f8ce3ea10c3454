"""Answers as HTTP: JSON without loss, refusals of one shape."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from watermarking.web.settings import Refusal

__all__ = ["as_json", "json_answer", "refused"]


def as_json(fields: object) -> str:
    """Write fields as JSON in ASCII, which fits in a header as well."""
    return json.dumps(fields, allow_nan=False, default=_plain)


def json_answer(fields: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with fields."""
    return Response(as_json(fields), status, headers, media_type="application/json")


def refused(refusal: Refusal) -> Response:
    """Answer with what cannot be done, and why."""
    headers = {} if refusal.retry_after is None else {"retry-after": str(refusal.retry_after)}
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    return json_answer({"error": {"code": refusal.code, "message": refusal.message}}, refusal.status, headers)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value.tolist()  # of an array
