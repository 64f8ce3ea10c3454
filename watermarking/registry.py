"""From a scheme's id or configuration to the scheme, third parties' included."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from watermarking.errors import UnknownSchemeError, WatermarkError

if TYPE_CHECKING:
    from watermarking.interface import Scheme

__all__ = ["PlugIns", "closest", "get_config", "get_scheme", "scheme_class", "scheme_ids"]

_log = logging.getLogger(__name__)
T = TypeVar("T")


def closest(name: object, known: Collection[str]) -> str:
    """Return what to say to somebody who gave an unknown name: the names most like it, or all."""
    close = difflib.get_close_matches(str(name), known, n=3)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else f"known are {', '.join(known) or 'none'}"


@dataclass(frozen=True, kw_only=True)
class PlugIns(Generic[T]):
    """Classes of one kind by their id: our own, and third parties' through an entry point group. Loaded when asked for.

    Attributes
    ----------
    kind : str
        What one of them is called, as in ``"scheme"``.
    group : str
        The entry point group; an entry point has the id of the class as its name. It cannot replace one of ours.
    built_in : mapping
        Id -> ``"module:Class"`` of our own.
    error : type
        Raised where an id is unknown or a third party's class cannot be had.
    """

    kind: str
    group: str
    built_in: Mapping[str, str]
    error: type[WatermarkError]

    def ids(self) -> tuple[str, ...]:
        """List all ids, our own first; nothing is imported."""
        extra = sorted(point.name for point in entry_points(group=self.group) if point.name not in self.built_in)
        return (*self.built_in, *dict.fromkeys(extra))

    def load(self, wanted: str) -> type[T]:
        """Import the class of an id.

        Raises
        ------
        WatermarkError
            Of the class ``error``.
        """
        if wanted in self.built_in:
            module, _, name = self.built_in[wanted].partition(":")
            found: type[T] = getattr(importlib.import_module(module), name)
            return found
        for point in entry_points(group=self.group, name=wanted):
            try:
                found = point.load()
            except Exception as error:  # a third party's fault must not look like ours
                _log.debug("loading %s failed", point.value, exc_info=True)
                raise self.error(
                    f"{self.kind} {wanted!r} comes from {point.value!r}, which cannot be loaded: {error}"
                ) from error
            if not isinstance(found, type) or getattr(found, "id", None) != wanted:
                raise self.error(f"{point.value!r} is registered as {wanted!r}, but is no {self.kind} of that id")
            return found
        raise self.error(f"no {self.kind} has the id {wanted!r}: {closest(wanted, self.ids())}")


SCHEMES: Final[PlugIns[Scheme]] = PlugIns(
    kind="scheme",
    group="watermarking.schemes",
    built_in={
        "additive": "watermarking.embedders.additive:Additive",
        "additive_block": "watermarking.embedders.additive_block:AdditiveBlock",
        "bound": "watermarking.embedders.bound:Bound",
        "dct": "watermarking.embedders.dct:Dct",
        "deep": "watermarking.deep.scheme:Deep",
        "dwt": "watermarking.embedders.dwt:Dwt",
        "reversible": "watermarking.embedders.reversible:Reversible",
    },
    error=UnknownSchemeError,
)


def scheme_ids() -> tuple[str, ...]:
    """List the ids of all schemes, built-in ones first; nothing is imported."""
    return SCHEMES.ids()


def scheme_class(scheme_id: str) -> type[Scheme]:
    """Load the class of a scheme.

    Raises
    ------
    UnknownSchemeError
        If no scheme has this id, or the package that provides it cannot be imported.
    MissingExtraError
        If the scheme needs packages that are not installed; the message says which extra has them.
    """
    return SCHEMES.load(scheme_id)


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
