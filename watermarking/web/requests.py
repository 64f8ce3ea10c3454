"""What a request asks for, checked before any picture is read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from watermarking.errors import WatermarkError
from watermarking.messages.fidelity import fidelity_of
from watermarking.web.jobs import MarkJob, ReadJob
from watermarking.web.settings import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["mark_job", "query_fields", "read_job"]

_MARKING: Final = ("message", "message_hex", "key", "fidelity", "again")
_MOST_FIELDS: Final = 20
_READING: Final = ("message", "message_hex", "map")
_FLAGS: Final = {"": False, "0": False, "false": False, "1": True, "true": True}


def query_fields(query: bytes) -> dict[str, str]:
    """Return the fields of a query string, each once.

    What is no UTF-8 would else become other characters, and a message that nobody sent be marked.

    Raises
    ------
    Refusal
    """
    try:
        fields = parse_qsl(query.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError:
        raise _wrong("the query string is not UTF-8: write other bytes of a message as message_hex") from None
    except ValueError:
        raise _wrong(f"the query string has more than {_MOST_FIELDS} fields: give each once") from None
    found = dict(fields)
    if len(found) < len(fields):
        names = [name for name, _ in fields]
        twice = next(name for name in names if names.count(name) > 1)
        raise _wrong(f"{twice!r} is there twice: give it once")
    return found


def mark_job(data: bytes, asked: Mapping[str, str], keys: Sequence[str]) -> MarkJob:
    """Return what is to be done with a picture that is to be marked.

    Raises
    ------
    Refusal
    """
    _check_names(asked, _MARKING)
    message = _message(asked)
    if message is None:
        raise _wrong("a message is needed: give it as ?message=TEXT or ?message_hex=DIGITS")
    key = asked.get("key", keys[0])
    if key not in keys:
        raise _wrong(f"there is no key {key!r} here: one of {', '.join(keys)} is needed")
    again = _flag(asked, "again")
    fidelity = _fidelity(asked.get("fidelity"))
    return MarkJob(data=data, message=message, key_index=list(keys).index(key), fidelity=fidelity, again=again)


def read_job(data: bytes, asked: Mapping[str, str]) -> ReadJob:
    """Return what is to be done with a picture that is to be read.

    Raises
    ------
    Refusal
    """
    _check_names(asked, _READING)
    return ReadJob(data=data, expected=_message(asked), with_map=_flag(asked, "map"))


def _flag(asked: Mapping[str, str], name: str) -> bool:
    found = _FLAGS.get(asked.get(name, "").lower())
    if found is None:
        raise _wrong(f"{name}={asked[name]!r} is neither true nor false: give one of them")
    return found


def _message(asked: Mapping[str, str]) -> bytes | None:
    if "message" in asked and "message_hex" in asked:
        raise _wrong("message and message_hex are two messages: give one of them")
    if "message_hex" in asked:
        try:
            return bytes.fromhex(asked["message_hex"]) or None
        except ValueError:
            raise _wrong("message_hex is not an even number of hexadecimal digits: check it") from None
    return asked.get("message", "").encode("utf-8", "surrogatepass") or None


def _fidelity(text: str | None) -> str | float | None:
    if not text:
        return None
    wanted: str | float = text
    with contextlib.suppress(ValueError):
        wanted = float(text)
    try:
        return fidelity_of(wanted)
    except WatermarkError as error:
        raise _wrong(str(error)) from None


def _check_names(asked: Mapping[str, str], known: Sequence[str]) -> None:
    if unknown := sorted(set(asked) - set(known)):
        raise _wrong(f"{unknown[0]!r} is not known here: {', '.join(known)} are")


def _wrong(message: str) -> Refusal:
    return Refusal(400, "request", message)
