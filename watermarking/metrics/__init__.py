"""Metrics: how much a picture changed, and how much of the payload came through."""

from __future__ import annotations

from watermarking.metrics.butteraugli import Butteraugli, butteraugli
from watermarking.metrics.channel import bi_awgn_capacity, bsc_capacity, soft_capacity
from watermarking.metrics.deep import lpips_distance, vgg_distance
from watermarking.metrics.detection import Roc, roc, threshold_at_fpr, tpr_at_fpr
from watermarking.metrics.hvs import psnr_hvs_m
from watermarking.metrics.intervals import bootstrap_interval, clustered_interval, wilson_interval
from watermarking.metrics.ms_ssim import ms_ssim
from watermarking.metrics.payload import bit_accuracy, bits_per_pixel, match_p_value, word_accuracy
from watermarking.metrics.psnr import mse, psnr
from watermarking.metrics.ssim import ssim
from watermarking.metrics.ssimulacra2 import Ssimulacra2, ssimulacra2

__all__ = [
    "Butteraugli",
    "Roc",
    "Ssimulacra2",
    "bi_awgn_capacity",
    "bit_accuracy",
    "bits_per_pixel",
    "bootstrap_interval",
    "bsc_capacity",
    "butteraugli",
    "clustered_interval",
    "lpips_distance",
    "match_p_value",
    "ms_ssim",
    "mse",
    "psnr",
    "psnr_hvs_m",
    "roc",
    "soft_capacity",
    "ssim",
    "ssimulacra2",
    "threshold_at_fpr",
    "tpr_at_fpr",
    "vgg_distance",
    "wilson_interval",
    "word_accuracy",
]
