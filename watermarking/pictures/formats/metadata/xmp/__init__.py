"""XMP packets: read and changed without being written anew."""
