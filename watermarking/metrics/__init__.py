"""Metrics: how much a picture changed, and how much of the payload came through."""

from __future__ import annotations

from watermarking.metrics.psnr import mse, psnr
from watermarking.metrics.ssim import ssim

__all__ = ["mse", "psnr", "ssim"]
