"""Who got which copy: one JSON file beside the copies, sealed with a hash, written anew with each copy."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from watermarking.datasets.writing import write_whole
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.fingerprints.mark import WeightMark
from watermarking.ownership.fingerprints.structure import Group
from watermarking.ownership.marks import mark_config
from watermarking.ownership.sealing import is_sealed, sealed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from watermarking.keys import Key

__all__ = ["ISSUING", "MANIFEST", "OWN", "PICTURES", "Copy", "Manifest", "check_customer", "read_manifest"]

MANIFEST: Final = "manifest.json"
OWN: Final = "own.safetensors"
"""The unmarked model, which copies are made of and suspects are compared with: as secret as the key."""
ISSUING: Final = "issuing"
PICTURES: Final = "verification.safetensors"
"""The unmarked verification pictures of copies that know triggers: as secret as the key."""
_SCHEMA: Final = 1
_LATER: Final = ("network", "pictures_sha256")
"""Fields that earlier manifests do not have."""
_LONGEST: Final = 200


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One customer's copy.

    Attributes
    ----------
    customer : str
    file : str
        Beside the manifest; empty where the copy was never a file.
    sha256 : str, of the file
    reshaped : bool
        Whether its channels are in an order of their own.
    issued : str
        When, as whoever issued it says.
    taught : str
        Id of the mark that it was taught to answer with; empty if its answers carry nothing.
    """

    customer: str
    file: str
    sha256: str
    reshaped: bool = False
    issued: str = ""
    taught: str = ""

    def config(self) -> dict[str, Any]:
        """Return it for a manifest; copies whose weights alone are marked are written as they always were."""
        return {name: value for name, value in vars(self).items() if name != "taught" or value}


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What was issued of one model.

    Attributes
    ----------
    name : str, of the model and its version
    mark : WeightMark
    key_commitment : str, of the model's fingerprints' key
    own_sha256 : str, of the unmarked model's file
    groups : tuple of Group
        Channels that change places in reshaped copies; suspects' are put back by them.
    served : dict or None
        Configuration of the mark that copies answer with, each under a key of its customer: a soft-label mark, or
        triggers.
    network : str
        What makes the model's architecture: a network of this package by name, or ``module:function``; may be empty.
    pictures_sha256 : str
        Of the file of verification pictures; empty where there are none.
    copies : tuple of Copy, in the order of issue
    """

    name: str
    mark: WeightMark
    key_commitment: str
    own_sha256: str
    groups: tuple[Group, ...] = ()
    served: Mapping[str, Any] | None = None
    network: str = ""
    pictures_sha256: str = ""
    copies: tuple[Copy, ...] = field(default=())

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for copy in self.copies:
            check_customer(copy.customer)
            if copy.customer in seen:
                raise WatermarkError(f"the customer {copy.customer!r} is in the manifest twice: each gets one copy")
            seen.add(copy.customer)

    @property
    def customers(self) -> list[str]:
        """Everybody who has a copy."""
        return [copy.customer for copy in self.copies]

    def check_new(self, customer: str) -> None:
        """Refuse a customer who has a copy.

        Raises
        ------
        WatermarkError
            If so, or it is no name.
        """
        check_customer(customer)
        if customer in self.customers:
            raise WatermarkError(
                f"the customer {customer!r} has a copy of {self.name!r} already: send the same one again, a second one "
                "would be worth something to whoever merges copies"
            )

    def with_copy(self, copy: Copy) -> Manifest:
        """Return the manifest with one more copy; refuses what :meth:`check_new` does."""
        self.check_new(copy.customer)
        return replace(self, copies=(*self.copies, copy))

    def check_key(self, key: Key) -> None:
        """Refuse the key of another model.

        Raises
        ------
        WatermarkError
            If these copies were not issued with it.
        """
        if key.commitment != self.key_commitment:
            raise WatermarkError(f"this is not the key that the copies of {self.name!r} were issued with: check -k")

    def write(self, folder: Path) -> Path:
        """Write it into a folder, whole or not at all; return its path."""
        said = {
            "format": _SCHEMA, "kind": "fingerprints", "name": self.name, "mark": mark_config(self.mark),
            "key_commitment": self.key_commitment, "own_sha256": self.own_sha256, "served": self.served,
            "groups": [group.config() for group in self.groups],
            "copies": [copy.config() for copy in self.copies],
        }  # fmt: skip
        said |= {name: getattr(self, name) for name in _LATER if getattr(self, name)}
        plain = json.loads(json.dumps(said))
        write_whole(folder / MANIFEST, lambda stream: stream.write(sealed(plain)))
        return folder / MANIFEST


def check_customer(customer: object) -> None:
    """Refuse what is no customer's name.

    Raises
    ------
    WatermarkError
        If it is empty, no text, or too long.
    """
    if not isinstance(customer, str) or not customer.strip() or len(customer) > _LONGEST:
        raise WatermarkError(f"a customer is a name of 1 to {_LONGEST} characters, not {str(customer)[:40]!r}")


def file_name(number: int, customer: str) -> str:
    """Return what a copy's file is called.

    Examples
    --------
    >>> file_name(2, "Ada & Söhne")
    '00003-Ada-S-hne.safetensors'
    """
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", customer).strip("-.")[:40]
    return f"{number + 1:05d}{'-' + plain if plain else ''}.safetensors"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest, or the one in a folder.

    Raises
    ------
    FileFormatError
        If it cannot be read, is none, was changed by hand, or was written by a later version.
    WatermarkError
        If a customer is in it twice.
    """
    file = path / MANIFEST if path.is_dir() else path
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"no manifest can be read from {file}: {error}") from error
    if not isinstance(found, dict) or found.get("kind") != "fingerprints":
        raise FileFormatError(f"{file} is no manifest of fingerprints: 'ownership fingerprint issue' writes one")
    if found.get("format") != _SCHEMA:
        raise FileFormatError(f"{file} is of format {found.get('format')!r}, {_SCHEMA} is read: use a later version")
    try:
        manifest = _made(found)
    except (KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{file} is no whole manifest: {error} is missing or wrong") from error
    if not is_sealed(found):
        raise FileFormatError(f"{file} was changed after it was written: use the one that was")
    return manifest


def _made(found: Mapping[str, Any]) -> Manifest:
    return Manifest(
        name=str(found["name"]), mark=WeightMark.from_config(found["mark"]), served=found["served"],
        key_commitment=str(found["key_commitment"]), own_sha256=str(found["own_sha256"]),
        groups=tuple(map(Group.from_config, found["groups"])), copies=tuple(Copy(**one) for one in found["copies"]),
        **{name: str(found[name]) for name in _LATER if name in found},
    )  # fmt: skip
