"""Measure the shipped deep weights on the evaluation photographs, none of which was used in training.

    python benchmarks/deep.py [PART ...] [--out benchmarks/results]    # --help lists the parts

One JSON file a part, ``deep-<part>.json``, with raw rows. 8-bit pictures between H and R throughout. ``NC`` is the
paper's cosine without mean removal, reported beside the same figure for the uniform answer that R gives to unmarked
pictures; ``correlation`` has the means removed. Success: the key's test (for the logo, the logo's) says present at
1e-6; for ``deep-robust`` the 8-byte message is read.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from harness.hidden import colour, unseen_logo, unseen_picture
from harness.photographs import Photograph, find
from harness.provenance import write_with_provenance
from harness.timing import forget_peak, memory_status, picture_of
from watermarking.attacks import parse_attack
from watermarking.codes.framing import decode, encode
from watermarking.codes.raster import from_raster, to_raster
from watermarking.deep.logo import FixedLogo
from watermarking.deep.scheme import Deep, to_payload
from watermarking.deep.scramble import pilot_detection, unscramble
from watermarking.deep.training.payloads import synthetic_code
from watermarking.deep.training.prepare import add_rain
from watermarking.keys import Key
from watermarking.metrics.psnr import psnr
from watermarking.metrics.ssim import ssim
from watermarking.ownership.hidden.mark import normalised_correlation, zero_mean_correlation

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]
ATTACKS = ["", "jpeg(75)", "jpeg(50)", "resize(0.75)", "blur(1.0)", "noise(5.0)"]
PICTURE_ATTACKS = [
    "", "jpeg(90)", "jpeg(75)", "jpeg(50)", "webp(75)", "resize(0.5)", "blur(1.0)", "median(3)", "noise(5.0)",
    "brightness(1.2)", "contrast(0.7)", "gamma(1.4)", "grey()",
]  # fmt: skip
N_PICTURES, N_READS = 200, 5000


def key_of(*names: object) -> Key:
    """Return a key that follows from names."""
    return Key(hashlib.sha256("/".join(map(str, ("deep", *names))).encode()).digest())


def cosines(read: np.ndarray, hidden: np.ndarray) -> tuple[float, float]:
    """Return the cosine, and the cosine without the means."""
    return normalised_correlation(read, hidden), zero_mean_correlation(read, hidden)


def fidelity(marked: np.ndarray, cover: np.ndarray) -> Row:
    """Return PSNR and SSIM of the marked picture."""
    return {"psnr": round(psnr(cover, marked), 3), "ssim": round(ssim(cover, marked, channels="rgb"), 5)}


def logo(photographs: list[Photograph], weights: str = "deep-logo") -> list[Row]:
    """Part 1: the fixed logo at 50 and 52 dB."""
    rows = []
    for photograph in photographs:
        cover = colour(photograph)
        for level in (50.0, 52.0):
            scheme = FixedLogo(weights=weights, psnr=level)
            marked = scheme.embed(cover)
            read, found = scheme.read(marked)
            blank, _ = scheme.read(cover)
            nc, correlation = cosines(read, scheme.logo)
            rows.append({"photograph": photograph.name, "target": level, **fidelity(marked, cover), "nc": nc,
                         "correlation": correlation, "p_value": found.p_value, "success": found.is_present(1e-6),
                         "nc_unmarked": cosines(blank, scheme.logo)[0],
                         "correlation_unmarked": cosines(blank, scheme.logo)[1]})  # fmt: skip
    return rows


def hidden_pictures(photographs: list[Photograph], grey: bool) -> list[Row]:
    """Parts 2 and 3: 200 unseen pictures, one a cover in turn, at 42 dB."""
    scheme, rows = Deep(weights="deep-any", psnr=42.0), []
    for i in range(N_PICTURES):
        photograph = photographs[i % len(photographs)]
        cover, key = colour(photograph), key_of("any", grey, i)
        wanted = unseen_logo(i) if grey else unseen_picture(i, photographs, photograph)
        marked = scheme.embed(cover, wanted, key=key)
        found = scheme.extract(marked, key=key)
        read = found.payload
        if grey:
            read = cv2.resize(read.astype(np.float32).mean(2), (64, 64), interpolation=cv2.INTER_AREA)
        nc, correlation = cosines(read, wanted)
        wrong = scheme.extract(marked, key=key_of("wrong", i))
        rows.append({"photograph": photograph.name, "picture": i, **fidelity(marked, cover), "nc": nc,
                     "correlation": correlation, "p_value": found.detection.p_value,
                     "success": bool(found.detection.is_present(1e-6) and nc > 0.95),
                     "p_value_known_picture": scheme.detect(marked, wanted, key=key).p_value,
                     "p_value_wrong_key": wrong.detection.p_value,
                     "nc_blank": cosines(np.full_like(wanted, 128), wanted)[0]})  # fmt: skip
    return rows


def struck_pictures(photographs: list[Photograph]) -> list[Row]:
    """Part any-struck: what is left of colour pictures hidden at 42 dB after attacks, one for each photograph."""
    scheme, rows = Deep(weights="deep-any", psnr=42.0), []
    for i, photograph in enumerate(photographs):
        key, wanted = key_of("struck", i), unseen_picture(i, photographs, photograph)
        marked = scheme.embed(colour(photograph), wanted, key=key)
        for attack in PICTURE_ATTACKS:
            rng = np.random.default_rng([25, i])
            found = scheme.extract(parse_attack(attack)(marked, rng=rng) if attack else marked, key=key)
            correlation = cosines(found.payload, wanted)[1]
            rows.append({"photograph": photograph.name, "picture": i, "attack": attack, "correlation": correlation,
                         "p_value": found.detection.p_value})  # fmt: skip
    return rows


def robust(photographs: list[Photograph], weights: str = "deep-robust") -> list[Row]:
    """Part 4: an 8-byte message as a code raster, at 40 dB, four keys and messages a photograph."""
    scheme, rows = Deep(weights=weights, psnr=40.0), []
    for photograph in photographs:
        cover = colour(photograph)
        for turn in range(4):
            key, rng = key_of("robust", turn), np.random.default_rng([22, turn])
            message = rng.bytes(8)
            bits = encode(message, key=key)
            marked = scheme.embed(cover, to_raster(bits, scheme.payload_shape), key=key)
            for attack in ATTACKS:
                struck = parse_attack(attack)(marked, rng=rng) if attack else marked
                found = scheme.extract(struck, key=key)
                soft = from_raster(found.payload.astype(np.float32).mean(2), bits.size)
                decoded = decode(soft, key=key)
                rows.append({"photograph": photograph.name, "turn": turn, "attack": attack, **fidelity(marked, cover),
                             "bit_errors": float(np.mean((soft > 0) != bits)),
                             "success": decoded is not None and decoded.message == message,
                             "p_value": found.detection.p_value})  # fmt: skip
    return rows


def blank(photographs: list[Photograph]) -> list[Row]:
    """Part 5: 5,000 reads of unmarked pictures, half of them rainy (domain A); and the logo over as many windows."""
    rows: list[Row] = []
    n_windows, any_, sure = 100, Deep(weights="deep-any"), Deep(weights="deep-robust")
    rng = np.random.default_rng(23)
    picture = unseen_picture(0, photographs, photographs[0])
    for i in range(n_windows):
        window = _window(photographs, rng, rainy=i % 2 == 1)
        for name, scheme in (("deep-any", any_), ("deep-robust", sure)):
            weights, payload, pilot = scheme.read(window)  # one pass of R; the keys are what is random
            wanted = to_payload(picture, weights.side, weights.spec.payload_channels)
            keys = [key_of("blank", i, k) for k in range(N_READS // n_windows)]
            plain = [unscramble(payload, key, weights.card["block"]) for key in keys]
            rows.append({"weights": name, "window": i, "domain": "A" if i % 2 else "B",
                         "root_mean_square": float(np.sqrt(np.mean(np.square(payload)))),
                         "p_values": [pilot_detection(pilot, key).p_value for key in keys],
                         "correlations": [round(cosines(p, wanted)[1], 4) for p in plain]})  # fmt: skip
    fixed = FixedLogo()
    for i in range(N_READS):
        window = _window(photographs, rng, rainy=i % 2 == 1)
        read, found = fixed.read(window)
        rows.append({"weights": "deep-logo", "domain": "A" if i % 2 else "B", "p_value": found.p_value,
                     "correlation": round(cosines(read, fixed.logo)[1], 4)})  # fmt: skip
    return rows


def _window(photographs: list[Photograph], rng: np.random.Generator, *, rainy: bool) -> np.ndarray:
    cover = colour(photographs[int(rng.integers(len(photographs)))])
    side = int(rng.integers(160, min(cover.shape[:2]) + 1))
    y, x = (int(rng.integers(0, n - side + 1)) for n in cover.shape[:2])
    window = np.ascontiguousarray(cover[y : y + side, x : x + side])
    return add_rain(window, rng) if rainy else window


def timings(photographs: list[Photograph]) -> list[Row]:
    """Part 6: seconds at 512 x 512 on one thread, networks and everything around them."""
    cover = np.asarray(cv2.resize(colour(photographs[0]), (512, 512), interpolation=cv2.INTER_AREA))
    rows: list[Row] = []
    key = key_of("time")
    for name in ("deep-any", "deep-robust"):
        scheme = Deep(weights=name)
        marked = scheme.embed(cover, synthetic_code(np.random.default_rng(1)), key=key)
        embed, extract = partial(scheme.embed, cover, cover, key=key), partial(scheme.extract, marked, key=key)
        for what, call in (("embed", embed), ("extract", extract)):
            taken = []
            for _ in range(7):
                began = time.perf_counter()
                call()
                taken.append(time.perf_counter() - began)
            rows.append({"weights": name, "what": what, "seconds": sorted(taken)[3], "all": taken})
    return rows


def large(photographs: list[Photograph]) -> list[Row]:
    """Part 7: a 60 MP picture on one thread: processor seconds, also of OpenCV's decoder, and memory beside the result.

    Linux alone tells the peak. The networks ran once before, on a small picture.
    """
    cv2.setNumThreads(1)
    small, key, rows = colour(photographs[0]), key_of("large"), []
    cover = picture_of(60.0)
    stream = cv2.imencode(".jpg", cover, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    calls: dict[tuple[str, str], Callable[[], Any]] = {
        ("", "copy"): cover.copy, ("", "decode JPEG 95"): partial(cv2.imdecode, stream, cv2.IMREAD_COLOR)}  # fmt: skip
    for name in ("deep-any", "deep-robust"):
        scheme = Deep(weights=name)
        scheme.extract(scheme.embed(small, small, key=key), key=key)
        marked = scheme.embed(cover, small, key=key)
        calls[name, "embed"] = partial(scheme.embed, cover, small, key=key)
        calls[name, "extract"] = partial(scheme.extract, marked, key=key)
    for (name, what), call in calls.items():
        turns = [_cost(call) for _ in range(3)]
        rows.append({"weights": name, "what": what, "megapixels": 60, "seconds": sorted(s for s, _ in turns)[1],
                     "megabytes": max(m for _, m in turns), "all": [s for s, _ in turns]})  # fmt: skip
    return rows


def _cost(call: Callable[[], Any]) -> tuple[float, float]:
    """Return processor seconds, and by how many MB memory rose above what was there and the picture that came back."""
    ctypes.CDLL(None).malloc_trim(0)  # what earlier calls left with the allocator would hide what this one needs
    before = memory_status("VmRSS")
    forget_peak()
    began = time.process_time()
    result = call()
    taken = time.process_time() - began
    above = memory_status("VmHWM") - before - (result.nbytes if isinstance(result, np.ndarray) else 0)
    return round(taken, 3), round(max(0, above) / 1e6, 1)


PARTS: dict[str, Callable[..., list[Row]]] = {
    "logo": logo,
    "any64": lambda photographs: hidden_pictures(photographs, True),
    "any128": lambda photographs: hidden_pictures(photographs, False),
    "any-struck": struck_pictures,
    "robust": robust,
    "blank": blank,
    "time": timings,
    "large": large,
}


def main() -> None:
    """Run the parts that are named, all of them by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument("--weights", help="other weights of parts logo and robust, whose files are named after them")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    if {"time", "large"} & set(options.parts) and os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error("timings are of one thread: set OPENBLAS_NUM_THREADS=1")
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    photographs = find("evaluation")
    for part in options.parts or PARTS:
        began = time.monotonic()
        named = [options.weights] if options.weights and part in ("logo", "robust") else []
        rows = PARTS[part](photographs, *named)
        seconds, name = round(time.monotonic() - began, 1), Path(named[0]).stem if named else f"deep-{part}"
        write_with_provenance(options.out / f"{name}.json", rows, seconds=seconds, torch=torch.__version__)
        print(f"{part}: {len(rows)} rows in {seconds} s", flush=True)


if __name__ == "__main__":
    main()
