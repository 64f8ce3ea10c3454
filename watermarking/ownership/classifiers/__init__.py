"""Classifiers: marks in their answers that pass into whoever distils them, their proof, and what removes them."""

from watermarking.ownership.classifiers.mark import PROFILES, SoftLabelMark

__all__ = ["PROFILES", "SoftLabelMark"]
