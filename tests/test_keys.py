"""Keys: what is derived from them never changes, and no careless key gets through."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermarking.errors import KeyFileError
from watermarking.keys import Key

SECRET = bytes(range(32))
KEY = Key(SECRET)
PINNED: dict[str, Any] = {  # computed with hashlib alone
    "stream": "9810ca731b384e2b",
    "derived": "61e9166e5aea4f19",
    "commitment": "6b73e94d3fe6a9fb1ab14ec92e87a48af3a663701b85e8c97d32cfdde62c980f",
    "bits": "0101100101011000",
    "integers": [511, 426, 426, 950, 873],
    "permutation": [2, 7, 4, 1, 0, 5, 6, 3],
    "passphrase": "e554b0f11594b667",
}
secrets = st.binary(min_size=16, max_size=64)
labels = st.text(st.characters(codec="utf-8"), max_size=20)


@given(secrets, labels, st.integers(0, 200))
def test_stream_is_shake_256_of_length_secret_and_label(secret: bytes, label: str, n: int) -> None:
    expected = hashlib.shake_256(len(secret).to_bytes(8, "little") + secret + label.encode()).digest(n)
    assert Key(secret).stream(label, n) == expected


def test_streams_are_pinned() -> None:
    """Marked pictures outlive versions: these values must never change."""
    assert KEY.stream("dct/signs", 8).hex() == PINNED["stream"]
    assert KEY.derive("proof").stream("x", 8).hex() == PINNED["derived"]
    assert KEY.commitment == PINNED["commitment"]
    assert "".join(map(str, KEY.bits("b", 16).astype(int))) == PINNED["bits"]
    assert KEY.integers("i", 5, 1000).tolist() == PINNED["integers"]
    assert KEY.permutation("p", 8).tolist() == PINNED["permutation"]
    passphrase = Key.from_passphrase("correct horse", salt="example")
    assert passphrase.stream("x", 8).hex() == PINNED["passphrase"]


@given(secrets, labels, st.integers(0, 300))
def test_drawn_choices_follow_from_the_stream(secret: bytes, label: str, n: int) -> None:
    key = Key(secret)
    raw = key.stream(label, 8 * n)
    words = [int.from_bytes(raw[8 * i : 8 * i + 8], "little") for i in range(n)]
    assert key.integers(label, n, 97).tolist() == [word % 97 for word in words]
    assert key.permutation(label, n).tolist() == sorted(range(n), key=words.__getitem__)
    bits = [bool(raw[i // 8] >> i % 8 & 1) for i in range(n)]
    assert key.bits(label, n).tolist() == bits
    signs = key.signs(label, n)
    assert signs.dtype == np.float32
    assert signs.tolist() == [1.0 if bit else -1.0 for bit in bits]


def test_draws_are_fair() -> None:
    n = 40_000
    assert abs(int(KEY.bits("fair", n).sum()) - n / 2) < 5 * np.sqrt(n / 4)
    counts = np.bincount(KEY.integers("fair", n, 10), minlength=10)
    assert np.sum((counts - n / 10) ** 2 / (n / 10)) < 40  # chi-square, 9 degrees of freedom: p < 1e-5


@given(secrets, secrets, labels, labels)
def test_subkeys_differ_by_secret_and_label(one: bytes, other: bytes, label: str, another: str) -> None:
    same = (one, label) == (other, another)
    assert (Key(one).derive(label) == Key(other).derive(another)) is same
    assert (Key(one) == Key(other)) is (one == other)
    assert Key(one).derive(label) != Key(one)


def test_a_key_does_not_show_its_secret() -> None:
    assert SECRET.hex() not in repr(KEY)
    assert len({KEY, Key(SECRET), Key.generate()}) == 2
    assert KEY != SECRET


@pytest.mark.parametrize(
    ("secret", "hint"),
    [
        (b"x" * 15, "15 bytes, at least 16"),
        (b"x" * 1025, "1025 bytes, at most 1024"),
        ("x" * 32, "not str"),
        (7, "not int"),
    ],
)
def test_bad_secrets_are_refused(secret: object, hint: str) -> None:
    with pytest.raises(KeyFileError, match=hint):
        Key(secret)  # type: ignore[arg-type]


@pytest.mark.parametrize(("passphrase", "salt"), [("", "salt"), ("words", ""), ("words", b"")])
def test_empty_passphrases_are_refused(passphrase: str, salt: str | bytes) -> None:
    with pytest.raises(KeyFileError, match="is empty"):
        Key.from_passphrase(passphrase, salt=salt)


@pytest.mark.parametrize(
    ("passphrase", "salt"), [(b"words", "salt"), ("words", 12), ("words", None), ("\ud800", "salt")]
)
def test_passphrases_that_are_no_text_are_refused(passphrase: object, salt: object) -> None:
    with pytest.raises(KeyFileError, match=r"^(a|the) passphrase .*: (?!.*ud800)"):
        Key.from_passphrase(passphrase, salt=salt)  # type: ignore[arg-type]


def test_the_longest_key_survives_its_file(tmp_path: Path) -> None:
    key = Key(bytes(range(256)) * 4)
    key.save(tmp_path / "key")
    assert Key.from_file(tmp_path / "key") == key
    (tmp_path / "longer").write_text(f"watermarking-key-v1 {'00' * 5000}", "ascii")
    (tmp_path / "longer").chmod(0o600)
    with pytest.raises(KeyFileError, match="at most 1024"):  # never the first part of a longer key
        Key.from_file(tmp_path / "longer")


def test_the_salt_matters_and_may_be_bytes() -> None:
    key = Key.from_passphrase("wörter", salt="ä")
    assert key == Key.from_passphrase("wörter", salt="ä".encode())
    assert key != Key.from_passphrase("wörter", salt="b")


def test_a_key_file_round_trips_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / "schlüssel.key"
    before = os.umask(0)
    try:
        KEY.save(file)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Key.from_file(file) == KEY
    with pytest.raises(KeyFileError, match="never overwritten"):
        Key.generate().save(file)
    assert Key.from_file(str(file)) == KEY


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_that_others_can_read_warns(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    KEY.save(file)
    file.chmod(mode)
    with pytest.warns(UserWarning, match="other users can read"):
        assert Key.from_file(file) == KEY


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "not a key file"),
        (b"\xff\xd8\xff\xe0JFIF", "not a key file"),
        (b"watermarking-key-v1", "not a key file"),
        (b"watermarking-key-v2 " + b"00" * 32, "not a key file"),
        (b"watermarking-key-v1 " + b"0" * 33, "not a key file"),
        (b"watermarking-key-v1 " + b"0g" * 32, "not a key file"),
        (b"watermarking-key-v1 " + b"00" * 15, "15 bytes, at least 16"),
        (b"watermarking-key-v1 " + b"00" * 32 + b"\nmore", "not a key file"),
    ],
)
def test_malformed_key_files_are_named(tmp_path: Path, content: bytes, hint: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(KeyFileError, match=hint):
        Key.from_file(file)


@given(st.binary(max_size=100))
def test_no_file_content_breaks_the_reader(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with pytest.raises(KeyFileError):
            Key.from_file(file.name)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"cannot read the key file .*missing.*No such file"):
        Key.from_file(tmp_path / "missing")
    with pytest.raises(KeyFileError, match="directory"):
        Key.from_file(tmp_path)
    with pytest.raises(KeyFileError, match="cannot write the key file"):
        KEY.save(tmp_path / "nowhere" / "key")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_no_key_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    real_open = os.open

    def full(path: os.PathLike[str], flags: int, mode: int) -> int:
        os.close(real_open(path, flags, mode))
        return real_open("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(KeyFileError, match="No space left"):
        KEY.save(file)
    assert not file.exists()


def test_a_key_is_the_same_in_another_process() -> None:
    code = f"from watermarking.keys import Key; print(Key(bytes({list(SECRET)})).permutation('p', 8).tolist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(PINNED["permutation"])


def test_reading_a_private_key_is_silent(tmp_path: Path) -> None:
    KEY.save(tmp_path / "key")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Key.from_file(tmp_path / "key")


def test_a_passphrase_is_the_same_however_its_letters_are_composed() -> None:
    assert Key.from_passphrase("w\u00f6rter", salt="Zo\u00eb") == Key.from_passphrase("wo\u0308rter", salt="Zoe\u0308")
