"""The command line; ``watermarking --help`` imports nothing heavier than click."""

from watermarking.cli.program import Program

__all__ = ["main"]

main = Program()
