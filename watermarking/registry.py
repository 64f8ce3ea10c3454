"""From a scheme's id or configuration to the scheme, third parties' included."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import logging
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import UnknownSchemeError

if TYPE_CHECKING:
    from watermarking.interface import Scheme

__all__ = ["get_config", "get_scheme", "scheme_class", "scheme_ids"]

_log = logging.getLogger(__name__)
ENTRY_POINT_GROUP: Final = "watermarking.schemes"
_BUILT_IN: Final = {
    "additive": "watermarking.embedders.additive:Additive",
    "additive_block": "watermarking.embedders.additive_block:AdditiveBlock",
    "dct": "watermarking.embedders.dct:Dct",
    "deep": "watermarking.deep.scheme:Deep",
    "dwt": "watermarking.embedders.dwt:Dwt",
}


def scheme_ids() -> tuple[str, ...]:
    """List the ids of all schemes, built-in ones first; nothing is imported."""
    extra = sorted(point.name for point in entry_points(group=ENTRY_POINT_GROUP) if point.name not in _BUILT_IN)
    return (*_BUILT_IN, *dict.fromkeys(extra))


def scheme_class(scheme_id: str) -> type[Scheme]:
    """Load the class of a scheme.

    Raises
    ------
    UnknownSchemeError
        If no scheme has this id, or the package that provides it cannot be imported.
    MissingExtraError
        If the scheme needs packages that are not installed; the message says which extra has them.
    """
    if scheme_id in _BUILT_IN:
        module, _, name = _BUILT_IN[scheme_id].partition(":")
        found: type[Scheme] = getattr(importlib.import_module(module), name)
        return found
    for point in entry_points(group=ENTRY_POINT_GROUP, name=scheme_id):
        try:
            found = point.load()
        except Exception as error:  # a third party's fault must not look like ours
            _log.debug("loading %s failed", point.value, exc_info=True)
            raise UnknownSchemeError(
                f"scheme {scheme_id!r} comes from {point.value!r}, which cannot be loaded: {error}"
            ) from error
        if getattr(found, "id", None) != scheme_id:
            raise UnknownSchemeError(f"{point.value!r} is registered as {scheme_id!r}, but is no scheme of that id")
        return found
    known = scheme_ids()
    close = difflib.get_close_matches(str(scheme_id), known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
    raise UnknownSchemeError(f"no scheme has the id {scheme_id!r}: {hint}")


def get_scheme(config: str | Mapping[str, Any]) -> Scheme:
    """Build a scheme from its id or its configuration.

    Parameters
    ----------
    config : str or mapping
        An id, or ``{"id": ..., field: value, ...}`` as :func:`get_config` returns it.

    Raises
    ------
    UnknownSchemeError
        If the id or one of the fields is unknown.

    Examples
    --------
    >>> get_scheme({"id": "dct", "psnr": 40.0}).psnr
    40.0
    """
    fields = {"id": config} if isinstance(config, str) else dict(config) if isinstance(config, Mapping) else {}
    scheme_id = fields.pop("id", None)
    if not isinstance(scheme_id, str):
        raise UnknownSchemeError(f"a scheme is an id or a mapping with an 'id', not {config!r}: for example 'dct'")
    found = scheme_class(scheme_id)
    known = [field.name for field in dataclasses.fields(found)] if dataclasses.is_dataclass(found) else list(fields)
    for name in fields:
        if name not in known:
            raise UnknownSchemeError(f"scheme {scheme_id!r} has no field {name!r}: its fields are {', '.join(known)}")
    return found(**fields)


def get_config(scheme: Scheme) -> dict[str, Any]:
    """Return the configuration of a scheme, a dictionary that survives JSON."""
    if not dataclasses.is_dataclass(scheme) or isinstance(scheme, type):
        raise UnknownSchemeError(f"{type(scheme).__name__} is no dataclass, so it has no configuration")
    return {"id": scheme.id, **dataclasses.asdict(scheme)}
