"""A page and an API on this machine: mark pictures, read them, see the verdict in words.

Needs the extra ``web``. Nothing of a picture is ever written to the disk, and no key leaves the process.
"""
