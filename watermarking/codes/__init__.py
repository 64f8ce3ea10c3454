"""Bits only: error correction, keyed checks, framing, messages, and the 2-D code image."""
