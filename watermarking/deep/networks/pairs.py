"""Networks by their shape."""

from __future__ import annotations

from watermarking.deep.networks.lattice_nets import LatticeHider, LatticeReader
from watermarking.deep.networks.nets import Hider, NetSpec, Reader

__all__ = ["build_pair"]


def build_pair(spec: NetSpec, group: int = 1) -> tuple[Hider, Reader] | tuple[LatticeHider, LatticeReader]:
    """Make H and R, untrained, for batches in which ``group`` consecutive tiles belong to one picture."""
    return (LatticeHider(spec, group), LatticeReader(spec, group)) if spec.lattice else (Hider(spec), Reader(spec))
