"""Several clients: a key for each, and whose key a suspect's answers show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from watermarking.errors import WatermarkError
from watermarking.interface import Detection
from watermarking.ownership.classifiers.references import check_references
from watermarking.ownership.classifiers.verdict import best_of_each
from watermarking.significance import any_of

if TYPE_CHECKING:
    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.classifiers.verdict import Compared

__all__ = ["client_key", "identify"]

_NAMED: Final = 1e-3
"""Above it nobody names a client."""


def client_key(key: Key, client: str) -> Key:
    """Return the key of one client: a proof shows it, and neither the model's key nor any other client's.

    From the model's own key all of these follow: where there are clients, serve nobody with it.

    Parameters
    ----------
    key : Key
        Of the model, see :func:`watermarking.ownership.proof.subkey`.
    client : str

    Raises
    ------
    WatermarkError
        If the client has no name.
    """
    if not isinstance(client, str) or not client:
        raise WatermarkError(f"a client is a name, not {client!r}: each gets a key of its own by it")
    return key.derive(f"client/{client}")


def identify(compared: Compared, mark: SoftLabelMark, keys: Mapping[str, Key]) -> dict[str, Detection]:
    """Test a suspect's answers for every client's key, the likeliest client first.

    Parameters
    ----------
    compared : Compared
        Of a proof with any of these keys: ``verify_classifier(...).compared``.
    mark : SoftLabelMark
    keys : mapping, name of a client -> its key, see :func:`client_key`

    Returns
    -------
    dict
        Name -> verdict. Each p-value is already times the number of clients, so that the chance that *any* client is
        wrongly named at a rate is at most that rate. Two clients whose answers were both learnt from are both found.

    Raises
    ------
    WatermarkError
        If no client is given, or the owner's model or a reference leans towards or away from a client who would be
        named.
    """
    if not isinstance(keys, Mapping) or not keys:
        raise WatermarkError("no client is given: identify tells clients apart by their keys")
    found = {}
    for (name, key), best in zip(keys.items(), best_of_each(compared, mark, keys.values()), strict=True):
        p_value = any_of(best.p_value, len(keys))
        if p_value < _NAMED:
            check_references(compared, mark, key)  # those that came with the answers were checked for one key alone
        found[name] = Detection(best.score, p_value, f"{best.statistic}, of {len(keys)} clients")
    return dict(sorted(found.items(), key=lambda item: (item[1].p_value, -item[1].score)))
