"""The scheme, the logo, the weights: round trips, strength, verdicts, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from watermarking.deep import weights as weights_module  # noqa: E402
from watermarking.deep.adapter import add_residual, working_picture  # noqa: E402
from watermarking.deep.logo import FixedLogo  # noqa: E402
from watermarking.deep.scheme import Deep, to_payload  # noqa: E402
from watermarking.deep.scramble import pilot_detection, scramble, unscramble  # noqa: E402
from watermarking.deep.weights import built_in, load_weights  # noqa: E402
from watermarking.errors import CapacityError, UnsupportedImageError, WatermarkError, WeightsError  # noqa: E402
from watermarking.keys import Key  # noqa: E402
from watermarking.messages.marker import Marker  # noqa: E402

KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))
FOLDER = Path(weights_module.__file__).parent / "weights"


def psnr(a: np.ndarray, b: np.ndarray, top: float = 255.0) -> float:
    return float(10 * np.log10(top**2 / np.mean((a.astype(np.float64) - b) ** 2)))


def cells(side: int = 32) -> np.ndarray:
    return np.where(KEY.bits("test", side * side).reshape(side, side), np.uint8(255), np.uint8(0))


@pytest.mark.parametrize("level", [38.0, 42.0, 47.0, 52.0])
@pytest.mark.parametrize("name", ["deep-robust", "deep-any"])
def test_round_trip_strength_and_verdicts(photograph: np.ndarray, name: str, level: float) -> None:
    scheme, before = Deep(weights=name, psnr=level), photograph.copy()
    marked = scheme.embed(photograph, cells(), key=KEY)
    assert np.array_equal(photograph, before)
    assert marked.shape == photograph.shape
    assert -0.05 <= psnr(photograph, marked) - level <= 0.3
    found = scheme.extract(marked, key=KEY)
    assert found.payload.dtype == np.uint8
    assert found.payload.shape == (*scheme.payload_shape, 3)
    assert found.detection.is_present()
    read = found.payload.mean(2)
    factor = read.shape[0] // 32
    read = read.reshape(32, factor, 32, factor).mean((1, 3))
    assert np.mean((read > 127.5) == (cells() > 0)) > (0.99 if level < 50 else 0.95)
    assert scheme.detect(marked, cells(), key=KEY).is_present()
    assert not scheme.extract(marked, key=OTHER).detection.is_present(1e-3)
    assert not scheme.detect(marked, cells(), key=OTHER).is_present(1e-3)
    assert not scheme.extract(photograph, key=KEY).detection.is_present(1e-3)


@pytest.mark.parametrize("shape", [(512, 512), (300, 451, 3), (200, 129, 4), (1500, 700, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_shape_and_dtype(photograph: np.ndarray, shape: tuple[int, ...], dtype: type) -> None:
    rgb = np.asarray(Image.fromarray(photograph).resize((shape[1], shape[0])))
    image = rgb[..., 0] if len(shape) == 2 else rgb
    if shape[-1] == 4:
        alpha = np.full((*shape[:2], 1), 255, np.uint8)
        alpha[:20] = 0
        image = np.concatenate([image, alpha], 2)
    top = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    image = (image.astype(np.float64) * top / 255).astype(dtype)
    marked = Deep(psnr=40.0).embed(image, cells(), key=KEY)
    assert marked.shape == image.shape
    assert marked.dtype == image.dtype
    shown = image[20:, :, :3] if shape[-1] == 4 else image
    assert -0.05 <= psnr(shown, marked[20:, :, :3] if shape[-1] == 4 else marked, top) - 40 <= 0.3
    if shape[-1] == 4:
        assert np.array_equal(marked[:20], image[:20])
        assert np.array_equal(marked[..., 3], image[..., 3])
    assert Deep().extract(marked, key=KEY).detection.is_present()


def test_grey_stays_grey(photograph: np.ndarray) -> None:
    grey = np.repeat(photograph[..., :1], 3, axis=2)
    marked = Deep().embed(grey, cells(), key=KEY)
    assert (marked[..., 0] == marked[..., 1]).all()
    assert (marked[..., 0] == marked[..., 2]).all()


def test_logo_is_read_and_absent_without_mark(photograph: np.ndarray) -> None:
    scheme = FixedLogo()
    marked = scheme.embed(photograph)
    assert -0.05 <= psnr(photograph, marked) - 50 <= 0.3
    read, found = scheme.read(marked)
    assert found.is_present()
    assert np.corrcoef(read.ravel(), scheme.logo.ravel())[0, 1] > 0.95
    nothing, absent = scheme.read(photograph)
    assert not absent.is_present(1e-3)
    assert nothing.mean() > 240


def test_payload_of_any_size_and_mode() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    for picture in (rgb, rgb[..., 0], rgb[..., 0] > 99, np.float32(rgb / 255), np.dstack([rgb, rgb[..., 0]])):
        assert to_payload(picture, 128, 3).shape == (3, 128, 128)
    exact = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    carried = to_payload(exact, 128, 1)[0]
    assert np.allclose((carried[::2, ::2] + 1) * 127.5, exact, atol=1e-3)
    clear = np.zeros((8, 8, 4), np.uint8)
    assert (to_payload(clear, 8, 3) == 1).all()  # transparent is white
    for wrong in (np.zeros((3, 3, 7), np.uint8), np.zeros((0, 4), np.uint8), "logo.png"):
        with pytest.raises(UnsupportedImageError):
            to_payload(wrong, 128, 3)


def test_scramble_round_trip_and_wrong_key() -> None:
    payload = np.random.default_rng(2).standard_normal((3, 128, 128)).astype(np.float32)
    mixed = scramble(payload, KEY, 8)
    assert np.array_equal(unscramble(mixed, KEY, 8), payload)
    assert abs(np.corrcoef(unscramble(mixed, OTHER, 8).ravel(), payload.ravel())[0, 1]) < 0.05


def test_pilot_p_values_of_wrong_keys_are_no_smaller_than_they_say() -> None:
    read = np.random.default_rng(3).standard_normal((1, 16, 16)).astype(np.float32)
    p_values = [pilot_detection(read, Key(i.to_bytes(16, "big"))).p_value for i in range(2000)]
    assert sum(p <= 1e-2 for p in p_values) <= 35  # 20 expected at most, and 3.4 standard deviations
    assert pilot_detection(np.zeros((1, 16, 16), np.float32), KEY).p_value == 1.0


def test_adapter_agrees_with_area_averaging_and_hits_extremes(photograph: np.ndarray) -> None:
    import cv2

    real = cv2.resize(photograph, (256, 256), interpolation=cv2.INTER_AREA)
    assert np.abs(working_picture(photograph, 256).transpose(1, 2, 0) * 255 - real).max() <= 0.51
    residual = np.random.default_rng(4).standard_normal((3, 64, 64)).astype(np.float32)
    for level in (0, 255):
        flat = np.full((200, 150, 3), level, np.uint8)
        assert -0.05 <= psnr(flat, add_residual(flat, residual, 42.0)) - 42 <= 0.3
    assert np.array_equal(add_residual(photograph, residual * 0, 42.0), photograph)


def test_memory_hardly_grows_with_the_picture(photograph: np.ndarray) -> None:
    import tracemalloc

    cover = np.tile(photograph, (8, 10, 1))[:3900, :5120]  # 20 MP, 60 MB; in floating point 240 MB
    scheme = Deep(psnr=40.0)
    scheme.extract(scheme.embed(photograph, cells(), key=KEY), key=KEY)
    tracemalloc.start()
    try:
        marked = scheme.embed(cover, cells(), key=KEY)
        assert tracemalloc.get_traced_memory()[1] - marked.nbytes < 80e6
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert scheme.extract(marked, key=KEY).detection.is_present()
        assert tracemalloc.get_traced_memory()[1] - before < 50e6
    finally:
        tracemalloc.stop()


def test_small_covers_and_wrong_weights_are_refused(photograph: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(CapacityError, match="128x128 are needed"):
        Deep().embed(photograph[:100], cells(), key=KEY)
    assert Deep().capacity((100, 512, 3)) == 0
    with pytest.raises(WeightsError, match="FixedLogo"):
        Deep(weights="deep-logo").embed(photograph, cells(), key=KEY)
    for name in ("deep-any", "deep-robust"):
        with pytest.raises(WeightsError, match=f"{name} has a pilot, which needs a key"):
            FixedLogo(weights=name).embed(photograph)
    with pytest.raises(WeightsError, match="built in are: deep-any, deep-logo, deep-robust, deep-unseen"):
        load_weights("deep-anything")
    pickles = ((".pth", b"PK\x03\x04"), (".safetensors", b"PK\x03\x04zip"), (".safetensors", b"\x80\x02}q\x00."))
    for suffix, content in pickles:
        file = tmp_path / f"evil{suffix}"
        file.write_bytes(content)
        with pytest.raises(WeightsError, match="pickle"):
            load_weights(str(file))


def test_weights_must_fit_their_card_and_the_code(tmp_path: Path) -> None:
    for name in ("deep-logo.safetensors", "deep-logo.json"):
        shutil.copy(FOLDER / name, tmp_path / name)
    file, card = tmp_path / "deep-logo.safetensors", tmp_path / "deep-logo.json"
    values = json.loads(card.read_text())
    card.write_text(json.dumps({**values, "code_version": 99}))
    with pytest.raises(WeightsError, match="version 99"):
        load_weights(str(file))
    card.write_text(json.dumps({**values, "sha256": "0" * 64}))
    with pytest.raises(WeightsError, match="sha256"):
        load_weights(str(file))
    card.write_text(json.dumps({**values, "net": {**values["net"], "reader_width": 8}}))
    with pytest.raises(WeightsError, match="does not fit the networks on its card: size mismatch"):
        load_weights(str(file))


def test_shipped_weights_are_small_and_documented() -> None:
    assert built_in() == ("deep-any", "deep-logo", "deep-robust", "deep-unseen")
    for name in built_in():
        assert (FOLDER / f"{name}.safetensors").stat().st_size < 4_000_000
        assert {"licence", "training", "metrics", "sha256"} <= json.loads((FOLDER / f"{name}.json").read_text()).keys()


@pytest.mark.parametrize("name", ["deep-any", "deep-robust"])
def test_onnx_gives_the_same(photograph: np.ndarray, tmp_path: Path, name: str) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from watermarking.deep.export import export_onnx

    weights = load_weights(name)
    hider, reader = export_onnx(weights, tmp_path)
    cover = working_picture(photograph, weights.working)[None]
    payload = to_payload(cells(), weights.side, weights.spec.payload_channels)[None]
    pilot = KEY.signs("p", 256).reshape(1, 1, 16, 16)
    strength = np.float32([42.0])
    with torch.no_grad():
        wanted = weights.pair.hider(*(torch.from_numpy(x) for x in (cover, payload, pilot, strength))).numpy()
        read = weights.pair.reader(torch.from_numpy(cover + wanted))
    session = runtime.InferenceSession(str(hider), providers=["CPUExecutionProvider"])
    given = dict(zip((i.name for i in session.get_inputs()), (cover, payload, pilot, strength), strict=True))
    residual = session.run(None, given)[0]
    # On a lattice a black or white sample may lie exactly between two moves; either is read the same.
    assert np.mean(np.abs(residual - wanted) > 1e-4) <= (0.01 if weights.spec.lattice else 0)
    with torch.no_grad():
        theirs, _ = weights.pair.reader(torch.from_numpy(cover + residual))
    assert float((theirs - read[0]).abs().mean()) < 1e-3
    session = runtime.InferenceSession(str(reader), providers=["CPUExecutionProvider"])
    for ours, theirs in zip(read, session.run(None, {"image": cover + wanted}), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 1e-3


def test_fields_that_make_no_sense_are_refused() -> None:
    for wrong in ({"psnr": 61.0}, {"psnr": "42"}, {"psnr": float("nan")}):
        with pytest.raises(WatermarkError, match=r"psnr is"):
            Deep(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["deep-any", "deep-robust"])
def test_the_smallest_cover_is_read(photograph: np.ndarray, name: str) -> None:
    marker = Marker({"id": "deep", "weights": name}, key=KEY)
    side = Deep(weights=name).min_side
    for crop in (photograph[:side, :side], photograph[200 : 200 + side, 100 : 100 + side]):
        assert marker.extract(marker.embed(crop, b"8 bytes.")).message == b"8 bytes."
    assert marker.capacity((side - 1, 500)) == 0


def test_a_known_message_is_found_in_a_picture_too_small_to_be_marked(photograph: np.ndarray) -> None:
    marker = Marker("deep", key=KEY)
    small = np.asarray(Image.fromarray(marker.embed(photograph, "hello")).resize((110, 110)))
    assert marker.extract(small).text == "hello"
    assert marker.detect(small, "hello").is_present()


def test_weights_of_another_kind_are_refused_at_once() -> None:
    for weights in ("deep-logo", "no-such-weights"):
        with pytest.raises(WeightsError):
            Marker({"id": "deep", "weights": weights}, key=KEY)
