"""What a picture file holds beside its samples: EXIF, ICC profile, XMP, IPTC, resolution, text, what follows a JPEG."""

from watermarking.pictures.formats.metadata.model import Metadata
from watermarking.pictures.formats.metadata.orientation import orient
from watermarking.pictures.formats.metadata.reading import read_metadata
from watermarking.pictures.formats.metadata.writing import Carried, carry

__all__ = ["Carried", "Metadata", "carry", "orient", "read_metadata"]
