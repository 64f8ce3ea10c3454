"""Mark images so that the mark can be read later.

>>> import watermarking as wm
>>> key = wm.Key.from_passphrase("correct horse battery staple", salt="example")
>>> marker = wm.Marker(key=key)

Names are loaded on first use; they are listed, with their types, in ``__init__.pyi``.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
