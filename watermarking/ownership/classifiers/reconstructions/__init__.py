"""USP and CSP as reconstructed from an abstract: not their authors' method, whose text and code are not at hand."""

from watermarking.ownership.classifiers.reconstructions.perturbations import CspMark, UspMark

__all__ = ["CspMark", "UspMark"]
