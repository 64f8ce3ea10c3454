"""Where things lie in a picture file: segments, chunks, boxes, directories; what they mean is not said here."""
