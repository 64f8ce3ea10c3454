"""The pictures of the public suite, under the name that the tests here know."""

from watermarking.testing.covers import PEAKS, Array, odd_pictures, photograph, psnr

__all__ = ["PEAKS", "Array", "odd_pictures", "photograph", "psnr"]
