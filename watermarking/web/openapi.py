"""The API's description, OpenAPI 3.1: what a program may send, and every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import watermarking

if TYPE_CHECKING:
    from watermarking.web.settings import Settings

__all__ = ["describe"]

_TEXT: Final = {"type": "string"}
_NUMBER_OR_NULL: Final = {"type": ["number", "null"]}
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_NOTES: Final = {"type": "array", "items": _TEXT}
_PICTURE: Final = {
    "required": True,
    "description": "A picture file: JPEG, PNG, WebP, AVIF, TIFF, BMP; HEIC and JPEG XL with the extra formats.",
    "content": {"application/octet-stream": {}, "image/*": {}},
}
_GEOMETRY: Final = {
    "type": ["object", "null"],
    "description": "What was undone before the picture could be read; null where nothing was.",
    "properties": {
        "matrix": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        **{name: {"type": "number"} for name in ("scale", "rotation", "aspect", "shear", "bend")},
        "flip": {"type": "boolean"},
        "negative": {"type": "boolean"},
    },
}
_READING: Final = {
    "verdict": {"enum": ["marked", "message lost", "cannot tell", "no mark"]},
    "sentence": {**_TEXT, "description": "The verdict in words."},
    "notes": _NOTES,
    "found": {"type": "boolean"},
    "message": {**_TEXT_OR_NULL, "description": "Null where there is none, or it is not UTF-8."},
    "message_hex": _TEXT_OR_NULL,
    "scheme": _TEXT,
    "p_value": {"type": "number", "description": "Chance of this much evidence without the mark, all trials counted."},
    "bit_error_rate": _NUMBER_OR_NULL,
    "geometry": _GEOMETRY,
    "outline": {
        "type": ["array", "null"],
        "items": {"type": "integer"},
        "description": "Top, left, rows and columns of the part that was read; null where the whole picture was.",
    },
    "map": {
        **_TEXT_OR_NULL,
        "contentEncoding": "base64",
        "contentMediaType": "image/png",
        "description": "Where the mark is, if asked for: red where it is missing, blue where it cannot be said.",
    },
    "key": {**_TEXT_OR_NULL, "description": "Which of the keys."},
}
_RECEIPT: Final = {
    "scheme": _TEXT,
    "message": _TEXT_OR_NULL,
    "message_hex": _TEXT,
    "fidelity": {**_NUMBER_OR_NULL, "description": "SSIMULACRA2 score that marking left."},
    "psnr": _NUMBER_OR_NULL,
    "ssim": _NUMBER_OR_NULL,
    "bit_error_rate": _NUMBER_OR_NULL,
    "reserve": {**_NUMBER_OR_NULL, "description": "Share of the errors that could be corrected that is free."},
    "verified": {"type": "boolean"},
    "already_marked": {"type": "boolean"},
    "key": _TEXT,
    "notes": _NOTES,
}
_ABOUT: Final = {
    "version": _TEXT,
    "keys": {"type": "array", "items": _TEXT},
    "max_bytes": {"type": "integer"},
    "max_pixels": {"type": "integer"},
    "per_minute": {"type": "integer"},
}
_ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": _TEXT, "message": {**_TEXT, "description": "What is wrong, and the way out."}},
        }
    },
}
_REFUSALS: Final = {
    "400": "the request makes no sense, or holds no picture",
    "401": "the token is missing or wrong",
    "403": "another site sent the request",
    "408": "the picture took too long to arrive",
    "413": "too many bytes or pixels",
    "415": "not a picture, of a kind that is not read, or a form",
    "421": "the Host is none of this server",
    "429": "too many pictures a minute",
    "500": "the worker failed",
    "503": "too many pictures at once",
    "504": "marking or reading took too long",
}
_MARKING_REFUSALS: Final = {
    "409": "the picture carries another message of the key: see again",
    "422": "the message does not fit the picture, or could not be read back",
}


def describe(settings: Settings) -> dict[str, Any]:
    """Return the description of the API of one server."""
    secured: dict[str, Any] = {} if settings.token is None else {"security": [{"token": []}]}
    schemes: dict[str, Any] = (
        {} if settings.token is None else {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "watermarking",
            "version": watermarking.__version__,
            "description": (
                "Marks pictures and reads marks, with keys that stay on the server. Whoever may ask can try changes of "
                "a picture until its mark is no longer found: let nobody ask who should not be able to do that."
            ),
        },
        "paths": {
            "/api/v1/about": {"get": _get_about()},
            "/api/v1/mark": {"post": _mark()},
            "/api/v1/read": {"post": _read()},
        },
        "components": {
            "schemas": {
                "About": _all_there(_ABOUT), "Reading": _all_there(_READING), "Receipt": _all_there(_RECEIPT),
                "Error": _ERROR,
            },
            **schemes,
        },
        **secured,
    }  # fmt: skip


def _get_about() -> dict[str, Any]:
    answers = {"200": _json("names of the keys, and limits", "About"), **_refusals(("401", "403", "421", "429"))}
    return {"operationId": "about", "summary": "Name the keys and the limits.", "responses": answers}


def _mark() -> dict[str, Any]:
    receipt = {"description": "A Receipt, as JSON in ASCII.", "schema": {"$ref": "#/components/schemas/Receipt"}}
    marked = {
        "description": "the marked picture, in the format of the one that was sent",
        "headers": {"Watermark-Receipt": receipt},
        "content": {"image/*": {}},
    }
    return {
        "operationId": "mark",
        "summary": "Put a message into a picture.",
        "parameters": [
            *_message("A message of one of the two kinds is needed."),
            _query("key", "Name of the key; without it, the first.", _TEXT),
            _query("fidelity", "discreet, normal, strong, or a SSIMULACRA2 score of 30 to 95.", _TEXT),
            _query("again", "Mark a picture that carries another message of the key once more.", {"type": "boolean"}),
        ],
        "requestBody": _PICTURE,
        "responses": {"200": marked, **_refusals((*_REFUSALS, *_MARKING_REFUSALS))},
    }


def _read() -> dict[str, Any]:
    return {
        "operationId": "read",
        "summary": "Say whether a picture is marked, and what it says.",
        "parameters": [
            *_message("A message that may be in the picture: it is found where reading fails."),
            _query("map", "Answer with a map of where in the picture the mark is, too.", {"type": "boolean"}),
        ],
        "requestBody": _PICTURE,
        "responses": {"200": _json("the verdict", "Reading"), **_refusals(tuple(_REFUSALS))},
    }


def _message(what: str) -> list[dict[str, Any]]:
    digits = {"type": "string", "pattern": "^([0-9a-fA-F]{2})*$"}
    return [
        _query("message", f"Text. {what}", _TEXT),
        _query("message_hex", f"Bytes, as hexadecimal digits. {what}", digits),
    ]


def _query(name: str, what: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": what, "schema": schema}


def _json(what: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": what, "content": content}


def _refusals(statuses: tuple[str, ...]) -> dict[str, Any]:
    reasons = {**_REFUSALS, **_MARKING_REFUSALS}
    return {status: _json(reasons[status], "Error") for status in sorted(statuses)}


def _all_there(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}
