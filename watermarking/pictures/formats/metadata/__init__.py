"""What a picture file holds beside its samples: EXIF, ICC profile, XMP, IPTC, resolution, text, what follows a JPEG."""

from watermarking.pictures.formats.containers.directories import ifd_entries
from watermarking.pictures.formats.containers.png import png_chunks
from watermarking.pictures.formats.metadata.exif import ORIENTATION, reset_orientation
from watermarking.pictures.formats.metadata.model import Metadata
from watermarking.pictures.formats.metadata.orientation import orient
from watermarking.pictures.formats.metadata.reading import read_metadata
from watermarking.pictures.formats.metadata.writing import Carried, carry

__all__ = [
    "ORIENTATION",
    "Carried",
    "Metadata",
    "carry",
    "ifd_entries",
    "orient",
    "png_chunks",
    "read_metadata",
    "reset_orientation",
]
