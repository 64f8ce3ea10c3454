"""Secret keys and everything that is derived from them."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import shlex
import stat
import struct
import unicodedata
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watermarking.errors import KeyFileError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Key"]

MIN_BYTES: Final = 16
MAX_BYTES: Final = 1024
_FILE_HEADER: Final = "watermarking-key-v1"
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**15, 8, 1


class Key:
    """A secret of 16 to 1024 bytes, and the keyed streams that every scheme draws from.

    Every keyed choice (permutation, sign, mask) comes from SHAKE-256 over
    ``len(secret) | secret | label``, so that it is the same on every platform and in every later version.

    Parameters
    ----------
    secret : bytes
        16 to 1024 bytes. Use :meth:`generate`, :meth:`from_passphrase` or :meth:`from_file`.

    Raises
    ------
    KeyFileError
        If the secret is shorter or longer than that.

    Examples
    --------
    >>> key = Key(bytes(range(16)))
    >>> key.stream("dct/signs", 4).hex()
    '2e9411a0'
    >>> key == Key(bytes(range(16)))
    True
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if not isinstance(secret, (bytes, bytearray)):
            raise KeyFileError(f"a key is made of bytes, not {type(secret).__name__}: use Key.from_passphrase for text")
        if len(secret) < MIN_BYTES:
            raise KeyFileError(
                f"the key has {len(secret)} bytes, at least {MIN_BYTES} are needed: make one with Key.generate()"
            )
        if len(secret) > MAX_BYTES:
            raise KeyFileError(f"the key has {len(secret)} bytes, at most {MAX_BYTES} are taken: 32 are plenty")
        self._secret = bytes(secret)

    @classmethod
    def generate(cls) -> Key:
        """Make a new random key of 32 bytes."""
        return cls(os.urandom(32))

    @classmethod
    def from_passphrase(cls, passphrase: str, *, salt: str | bytes) -> Key:
        """Derive a key from a passphrase with scrypt (N = 2^15, r = 8, p = 1).

        The salt need not be secret, but must be given again to get the same key: a user's or a project's name.
        """
        if not isinstance(passphrase, str) or not isinstance(salt, (str, bytes)):
            kinds = f"{type(passphrase).__name__} and {type(salt).__name__}"
            raise KeyFileError(
                f"a passphrase is text and its salt text or bytes, not {kinds}: use Key(secret) for bytes"
            )
        if not passphrase:
            raise KeyFileError("the passphrase is empty: use several words")
        if not salt:
            raise KeyFileError("the salt is empty: use a name that you will remember, such as your project's")
        try:
            words = unicodedata.normalize("NFC", passphrase).encode()  # however the keyboard composes its letters
            salt_bytes = unicodedata.normalize("NFC", salt).encode() if isinstance(salt, str) else salt
        except UnicodeEncodeError as error:  # lone surrogates; its own message would show the passphrase
            raise KeyFileError(f"the passphrase or its salt cannot be written as UTF-8: {error.reason}") from None
        return cls(
            hashlib.scrypt(words, salt=salt_bytes, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, maxmem=2**26, dklen=32)
        )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Key:
        """Read a key written by :meth:`save`; warns when other users of the machine can read the file."""
        file = Path(path)
        try:
            with file.open("rb") as stream:
                mode = os.fstat(stream.fileno()).st_mode
                text = stream.read(4096).decode("ascii")
        except UnicodeDecodeError:
            raise KeyFileError(_no_key_file(file)) from None
        except FileNotFoundError as error:
            raise KeyFileError(
                f"cannot read the key file {file}: {error.strerror}; make one with 'watermarking keygen "
                f"{shlex.quote(str(file))}'"
            ) from error
        except OSError as error:
            raise KeyFileError(f"cannot read the key file {file}: {error.strerror or error}") from error
        match = re.fullmatch(rf"{_FILE_HEADER}\s+([0-9a-fA-F]*)\s*", text)
        if match is None or len(match[1]) % 2:
            raise KeyFileError(_no_key_file(file))
        if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
            warnings.warn(f"other users can read the key file {file}: chmod 600 {file}", stacklevel=2)
        return cls(bytes.fromhex(match[1]))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the key to a new file that only its owner can read; never over an existing one."""
        file = Path(path)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise KeyFileError(f"{file} exists already: a key is never overwritten, choose another name") from None
        except OSError as error:
            raise KeyFileError(f"cannot write the key file {file}: {error.strerror or error}") from error
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(f"{_FILE_HEADER} {self._secret.hex()}\n")
        except OSError as error:
            file.unlink(missing_ok=True)
            raise KeyFileError(f"cannot write the key file {file}: {error.strerror or error}") from error

    def stream(self, label: str, n_bytes: int) -> bytes:
        """Return the first bytes of this key's SHAKE-256 stream for a purpose."""
        state = hashlib.shake_256(struct.pack("<Q", len(self._secret)) + self._secret + label.encode())
        return state.digest(n_bytes)

    def derive(self, label: str) -> Key:
        """Return the subkey for one purpose; showing it reveals neither this key nor any other subkey."""
        return Key(self.stream(f"derive/{label}", 32))

    def reveal(self) -> str:
        """Return the secret in hexadecimal: of a subkey, for a proof that others are to check."""
        return self._secret.hex()

    @property
    def commitment(self) -> str:
        """A public hash (64 hex digits) that binds to the key without revealing it."""
        return self.stream("commitment", 32).hex()

    def signs(self, label: str, n: int) -> npt.NDArray[np.float32]:
        """Draw n keyed signs, float32 (n,) of -1 or +1."""
        import numpy as np

        return np.where(self.bits(label, n), np.float32(1), np.float32(-1))

    def bits(self, label: str, n: int) -> npt.NDArray[np.bool_]:
        """Draw n keyed fair bits, bool (n,)."""
        import numpy as np

        raw = np.frombuffer(self.stream(label, -(-n // 8)), np.uint8)
        return np.unpackbits(raw, count=n, bitorder="little").astype(np.bool_)

    def integers(self, label: str, n: int, high: int) -> npt.NDArray[np.int64]:
        """Draw n keyed integers in [0, high), int64 (n,); the bias is below high / 2^64."""
        import numpy as np

        raw = np.frombuffer(self.stream(label, 8 * n), "<u8")
        return (raw % np.uint64(high)).astype(np.int64)

    def permutation(self, label: str, n: int) -> npt.NDArray[np.int64]:
        """Draw a keyed permutation of range(n), int64 (n,): the ranks of n 64-bit draws."""
        import numpy as np

        raw = np.frombuffer(self.stream(label, 8 * n), "<u8")
        return np.argsort(raw, kind="stable").astype(np.int64)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.commitment)

    def __repr__(self) -> str:
        return f"Key(commitment={self.commitment[:8]}...)"


def _no_key_file(file: Path) -> str:
    """Say what else can be done with a file that was taken for a key: keys are never written over it."""
    n, free = 1, file.with_suffix(".key")
    while free.exists():
        n, free = n + 1, file.with_name(f"{file.stem}-{n + 1}.key")
    new, old = shlex.quote(str(free)), shlex.quote(str(file))
    return (
        f"{file} is not a key file: make one with 'watermarking keygen {new}', or, if a passphrase is in it, say "
        f"--passphrase-file {old} --salt NAME (Key.from_passphrase in Python)"
    )
