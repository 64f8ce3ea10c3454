"""Marks that are easily learnt functions of what a picture shows: they pass into a surrogate with the task itself."""

from watermarking.ownership.learnable.evidence import Evidence, gather
from watermarking.ownership.learnable.mark import LearnableMark

__all__ = ["Evidence", "LearnableMark", "gather"]
