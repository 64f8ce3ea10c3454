"""Copies of one trained model, one a customer, in a second each: nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from watermarking.datasets.lock import locked
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.classifiers.clients import client_key
from watermarking.ownership.fingerprints.architecture import settled
from watermarking.ownership.fingerprints.carrier import Carrier
from watermarking.ownership.fingerprints.manifest import (
    ISSUING,
    MANIFEST,
    OWN,
    PICTURES,
    Copy,
    Manifest,
    check_customer,
    file_name,
    read_manifest,
)
from watermarking.ownership.fingerprints.mark import WeightMark
from watermarking.ownership.fingerprints.reshape import invariant_groups, reshaped
from watermarking.ownership.fingerprints.weights import file_hash, read_weights, write_weights
from watermarking.ownership.marks import mark_config
from watermarking.ownership.proof import subkey

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.fingerprints.structure import Group
    from watermarking.ownership.fingerprints.triggers import TriggerMark

__all__ = ["Issuer", "read_own", "read_pictures", "start"]

_TRIAL: Final = "nobody, to see whether pictures have room"


def start(
    folder: str | Path, model: Any, *, name: str, key: Key, mark: WeightMark | None = None, example: Any = None,
    groups: Sequence[Group] | None = None, served: SoftLabelMark | TriggerMark | None = None, pictures: Any = None,
    network: str = "",
) -> Issuer:  # fmt: skip
    """Begin to issue copies of a model: keep the unmarked one, and an empty manifest, in a new folder.

    Parameters
    ----------
    folder : path
        New or empty.
    model : torch module in evaluation mode, mapping of names to tensors, or .safetensors file
    name : str
        Of the model and its version: its fingerprints have a key of their own, derived from yours by it.
    key : Key
        Your own.
    mark : WeightMark, optional
    example : tensor or shape, optional
        What a module takes, so that its channels that may change places are found; its attribute ``shape`` if left out.
    groups : sequence of Group, optional
        These channels, known from elsewhere; of a file or mapping nothing else tells them.
    served : SoftLabelMark or TriggerMark, optional
        What copies will be taught to answer with, each under a key of its customer: see
        :func:`watermarking.ownership.fingerprints.served.teach`.
    pictures : (N, C, H, W) uint8, optional
        Of yours, with triggers: verification pictures are chosen among them by the key, and kept in the folder.
    network : str
        What makes the architecture, for the manifest: see
        :func:`watermarking.ownership.fingerprints.architecture.build`.

    Raises
    ------
    FileFormatError
        If the folder holds something.
    CapacityError
        If the mark needs more weights than there are, or verification pictures have no room for a word.
    WatermarkError
        If the model has no weights, its name is empty, or triggers come without pictures.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileFormatError(f"{folder} is there already: name a new folder, or go on with Issuer(folder, key=...)")
    if not name:
        raise WatermarkError("the model has no name: its key is derived by it, give one with its version")
    mark, own = mark or WeightMark(), subkey(key, name)
    weights = read_weights(model)
    Carrier(weights, mark, key=own)
    found = tuple(groups or ())
    if groups is None and hasattr(model, "forward") and (example is not None or hasattr(model, "shape")):
        found = tuple(_free_channels(model, example))
    _check_groups(found, weights)
    verifying = _verification_pictures(served, pictures, own)
    state = model.state_dict() if hasattr(model, "state_dict") else model if isinstance(model, Mapping) else None
    folder.mkdir(parents=True, exist_ok=True)
    digest = write_weights(folder / OWN, weights, state)
    Manifest(
        name=name, mark=mark, key_commitment=own.commitment, own_sha256=digest, groups=found,
        served=None if served is None else mark_config(served), network=settled(network),
        pictures_sha256="" if verifying is None else write_weights(folder / PICTURES, {"pictures": verifying}),
    ).write(folder)  # fmt: skip
    return Issuer(folder, key=key)


def _verification_pictures(served: Any, pictures: Any, key: Key) -> npt.NDArray[np.uint8] | None:
    """Choose verification pictures, where copies are to know some."""
    from watermarking.ownership.fingerprints.triggers import TriggerMark

    if not isinstance(served, TriggerMark):
        return None
    if pictures is None:
        raise WatermarkError("triggers need pictures of yours to choose verification pictures from: give pictures")
    plain = served.chosen(pictures, key=key)
    served.marked(plain, _TRIAL, key=key)  # so that pictures without room are refused before anything is written
    return plain


def _check_groups(groups: Sequence[Group], weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """Refuse groups of channels that are not those of these weights."""
    for group in groups:
        for part in group.parts:
            shape = weights[part.name].shape if part.name in weights else None
            if shape is None or part.axis >= len(shape) or group.n * part.repeat != shape[part.axis]:
                found = "no such weights" if shape is None else f"weights of shape {shape}"
                raise WatermarkError(
                    f"a group has {group.n} channels, {part.repeat} of each in axis {part.axis} of {part.name!r}: the "
                    f"model has {found} there"
                )


def _free_channels(model: Any, example: Any) -> list[Group]:
    """Return the channels that may change places; none where that cannot be told, since issuing goes on without."""
    try:
        return invariant_groups(model, example)
    except WatermarkError:
        return []


class Issuer:
    """Issues copies into a folder that :func:`start` began.

    Parameters
    ----------
    folder : path
    key : Key
        Your own.

    Raises
    ------
    FileFormatError
        If there is no manifest, or the unmarked model is not the one that it is of.
    WatermarkError
        If the key is another.
    """

    def __init__(self, folder: str | Path, *, key: Key) -> None:
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        self.key = subkey(key, self.manifest.name)
        self.manifest.check_key(self.key)
        own = read_own(self.folder, self.manifest)
        self._state = own
        self._carrier = Carrier(own, self.manifest.mark, key=self.key)

    @property
    def own(self) -> dict[str, npt.NDArray[Any]]:
        """The unmarked model's weights."""
        return dict(self._state)

    def served_key(self, customer: str) -> Key:
        """Return the key that a customer's copy is taught to answer with."""
        return client_key(self.key, customer)

    def weights(self, customer: str, *, reshape: bool = False, taught: Any = None) -> dict[str, npt.NDArray[Any]]:
        """Return a customer's weights; nobody is noted down for them.

        Parameters
        ----------
        customer : str
        reshape : bool
            Whether its channels get an order and factors of their own, so that copies merged as they are compute
            nonsense.
        taught : torch module or mapping, optional
            The model after it was taught to mark answers with :meth:`served_key`; the fingerprint is added to that.

        Raises
        ------
        WatermarkError
            If copies are to be reshaped, and it is not known which channels may change places; or the code has no
            word for one more customer.
        """
        check_customer(customer)
        number = self._number(customer)
        found = self._carrier.copy(self.manifest.mark.word(customer, key=self.key, number=number))
        if taught is not None:
            found = self._added(found, read_weights(taught))
        if not reshape:
            return found
        if not self.manifest.groups:
            raise WatermarkError(
                "it is not known which channels of this model may change places: start with the module itself and an "
                "example of its inputs, or with its groups"
            )
        return reshaped(found, self.manifest.groups, key=self.key, label=customer)

    def _added(
        self, copy: Mapping[str, npt.NDArray[Any]], taught: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return taught weights with what a copy's differ from the model's."""
        own = self._state
        if {name: value.shape for name, value in taught.items()} != {name: value.shape for name, value in own.items()}:
            raise WatermarkError(f"the model that was taught is not of the architecture of {self.manifest.name!r}")
        return {
            name: value + (copy[name] - own[name]) if value.dtype.kind == "f" else value
            for name, value in taught.items()
        }

    def issue(self, customer: str, *, reshape: bool = False, taught: Any = None, issued: str = "") -> Path:
        """Write a customer's copy and note it down; return its path.

        Parameters
        ----------
        customer, reshape, taught : see :meth:`weights`
        issued : str
            A date, for the manifest.

        Raises
        ------
        WatermarkError
            If the customer has a copy, or another process is issuing right now.
        """
        held = self.folder / ISSUING
        held.mkdir(exist_ok=True)
        with locked(held):  # two that issue at once would write one manifest over the other
            return self._issue(customer, reshape, taught, issued)

    def _issue(self, customer: str, reshape: bool, taught: Any, issued: str) -> Path:
        known = read_manifest(self.folder)  # somebody else may have issued meanwhile
        copy = Copy(customer=customer, file=file_name(len(known.copies), customer), sha256="", issued=issued)
        known.check_new(customer)
        self.manifest = known
        path = self.folder / copy.file
        digest = write_weights(path, self.weights(customer, reshape=reshape, taught=taught), self._kinds())
        how = "" if taught is None or known.served is None else str(known.served["id"])
        made = Copy(
            customer=customer, file=copy.file, sha256=digest, reshaped=reshape, issued=issued, taught=how
        )  # fmt: skip
        self.manifest = known.with_copy(made)
        self.manifest.write(self.folder)
        return path

    def _number(self, customer: str) -> int:
        known = self.manifest.customers
        return known.index(customer) if customer in known else len(known)

    def _kinds(self) -> dict[str, Any]:
        from watermarking.deep.tensors import read_tensors

        if not hasattr(self, "_stored"):
            self._stored = read_tensors(self.folder / OWN)
        return self._stored


def read_own(folder: Path, manifest: Manifest) -> dict[str, npt.NDArray[np.generic]]:
    """Return the unmarked model that a manifest is of.

    Raises
    ------
    FileFormatError
        If it is not there, or another.
    """
    return read_weights(_as_issued(folder / OWN, manifest.own_sha256))


def read_pictures(folder: Path, manifest: Manifest) -> npt.NDArray[np.uint8]:
    """Return the unmarked verification pictures, (N, C, H, W) uint8, of copies that know triggers.

    Raises
    ------
    FileFormatError
        If they are not there, or others.
    """
    from watermarking.deep.tensors import read_tensors

    path = _as_issued(folder / PICTURES, manifest.pictures_sha256)
    found: npt.NDArray[np.uint8] = read_tensors(path)["pictures"].numpy()
    return found


def _as_issued(path: Path, sha256: str) -> Path:
    """Return a file that a manifest is of, if it is that file."""
    if file_hash(path) != sha256:
        raise FileFormatError(f"{path} is not the file that {MANIFEST} is of: put the one back that was there")
    return path
