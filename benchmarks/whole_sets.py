"""What marking whole data sets takes: rate, memory, kills, and a manifest of a million rows.

    python benchmarks/whole_sets.py rate          # marking against decoding and encoding alone, two workers
    python benchmarks/whole_sets.py memory        # 20,000 tiles
    python benchmarks/whole_sets.py kills         # 20,000 tiles, SIGKILL at 100 random moments
    python benchmarks/whole_sets.py rows          # status and look-up in a manifest of a million rows

Each adds its row to results/whole_sets.jsonl.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.provenance import provenance
from harness.sets import Recode, memory_of, photographs_in, tiles_in
from watermarking.datasets.engines.local import Local
from watermarking.datasets.manifest import BOOK, Manifest, Record
from watermarking.datasets.operator import MarkSamples
from watermarking.datasets.plan import Plan, check_place
from watermarking.datasets.run import carry_out
from watermarking.datasets.statistics import statistics
from watermarking.datasets.stores.folder import Folder
from watermarking.datasets.wording import Wording
from watermarking.keys import Key
from watermarking.messages.marker import Marker

RESULT = Path(__file__).with_name("results") / "whole_sets.jsonl"
KEY = Key(b"benchmark of data sets")
START = 1.5  # seconds that a run takes to begin
STRENGTHS: dict[str, dict[str, Any]] = {"normal": {}, "42 dB": {"psnr": 42.0}}


def seconds(source: Path, target: Path, operator: Any, n: int) -> tuple[float, float]:
    """Return the time and the processor time of a run over a folder's first shards, n samples at the least."""
    store = Folder(source)
    shards, taken = [], 0
    for shard in store.shards():
        if taken < n:
            shards.append(shard)
            taken += shard.n_samples
    check_place(source, target)
    plan = Plan(store=store, source=source, target=target, operator=operator, shards=shards)
    began, busy = time.perf_counter(), processor_time()
    *_, last = carry_out(plan, Local(2))
    assert last.is_whole, last.failures
    return time.perf_counter() - began, processor_time() - busy


def processor_time() -> float:
    """Return the processor time of this process and of its children that have ended, which no other program changes."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def rate(place: Path, n: int) -> list[dict[str, Any]]:
    """Measure samples a second: of all but the first two shards, so that starting processes does not count."""
    source = place / "source"
    photographs_in(source, n)
    rows = []
    for verify in (False, True):
        pipelines = {"recode": Recode(Marker(key=KEY), Wording(b"Ada 2026"), verify=verify)} | {
            name: MarkSamples(marker=Marker(key=KEY, **strength), wording=Wording(b"Ada 2026"), verify=verify)
            for name, strength in STRENGTHS.items()
        }
        for name, operator in pipelines.items():
            seconds(source, place / f"first-{name}-{verify}", operator, 32)  # which may compile
            some = seconds(source, place / f"some-{name}-{verify}", operator, 32)
            whole = seconds(source, place / f"whole-{name}-{verify}", operator, n)
            row = {"pipeline": name, "verify": verify, "n": n - 32, "start": some[0]}
            rows.append({**row, "seconds": whole[0] - some[0], "processor": whole[1] - some[1]})
            print(rows[-1], flush=True)
    return rows


def command(source: Path, target: Path, key: Path) -> list[str]:
    """Return the call that marks tiles with two workers, without reading back."""
    return [
        sys.executable, "-m", "watermarking", "dataset", "embed", str(source), "-o", str(target), "-m", "Ada",
        "-k", str(key), "--psnr", "40", "--no-verify", "--workers", "2",
    ]  # fmt: skip


def memory(place: Path, n: int) -> list[dict[str, Any]]:
    """Measure the memory of all processes of a run, every second, with the samples that were done."""
    tiles_in(place / "source", n)
    KEY.save(place / "key")
    process = subprocess.Popen(command(place / "source", place / "out", place / "key"), stdout=subprocess.DEVNULL)
    began, found = time.monotonic(), []
    while process.poll() is None:
        parts = place / "out" / BOOK / "manifest"
        done = len(list(parts.glob("*.parquet"))) if parts.exists() else 0
        try:
            found.append([round(time.monotonic() - began, 1), done, memory_of(process.pid)])
        except (FileNotFoundError, ProcessLookupError):
            continue
        time.sleep(1)
    return [{"n": n, "status": process.returncode, "seconds_shards_bytes": found}]


def digest(target: Path) -> str:
    """Return a hash over all files of a target and its records."""
    state = hashlib.sha256()
    for path in sorted(path for path in target.rglob("*") if path.is_file() and BOOK not in path.parts):
        state.update(str(path.relative_to(target)).encode() + hashlib.sha256(path.read_bytes()).digest())
    for record in Manifest.find(target).records():
        state.update(record.to_json().encode())
    return state.hexdigest()


def kills(place: Path, n: int, n_kills: int) -> list[dict[str, Any]]:
    """Kill a run at random moments and start it again, until it has been killed so often and is whole."""
    tiles_in(place / "source", n)
    KEY.save(place / "key")
    began = time.monotonic()
    subprocess.run(command(place / "source", place / "whole", place / "key"), check=True)
    whole, rng, n_killed = time.monotonic() - began, random.Random(100), 0
    mean = whole / n_kills + START  # seconds from the start to a kill: all over the run, and while it starts
    target, starts = place / "killed", 0
    while True:
        process = subprocess.Popen(command(place / "source", target, place / "key"), stdout=subprocess.DEVNULL)
        starts += 1
        try:
            status = process.wait(rng.uniform(0, 2 * mean) if n_killed < n_kills else None)
            if status in (0, 2) and n_killed < n_kills:
                print(f"it was whole after {n_killed} kills", flush=True)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            n_killed += 1
    names = [record.sample for record in Manifest.find(target).records()]
    return [
        {
            "n": n, "kills": n_killed, "starts": starts, "seconds_uninterrupted": whole,
            "seconds": time.monotonic() - began - whole, "records": len(names), "distinct": len(set(names)),
            "equal": digest(target) == digest(place / "whole"), "left": len(list(target.rglob("*.part"))),
        }
    ]  # fmt: skip


def rows(place: Path, n: int) -> list[dict[str, Any]]:
    """Write a manifest of n rows and ask it, each question in a process of its own."""
    manifest = Manifest(place / BOOK)
    manifest.parts.mkdir(parents=True)
    size = 1000
    for number in range(n // size):
        first = number * size
        manifest.write_part(number, [record(i, number) for i in range(first, first + size)])
    run = {"format": 1, "n_samples": n, "n_shards": n // size}
    (manifest.folder / "run.json").write_text(json.dumps(run))
    found = []
    for question in ("status", "look-up"):
        done = subprocess.run(
            [sys.executable, __file__, "ask", question, str(place)], check=True, capture_output=True, text=True
        )
        found.append({"n": n, "question": question, **json.loads(done.stdout)})
    return found


def record(i: int, number: int) -> Record:
    """Make up a record."""
    sha = hashlib.sha256(b"%d" % i).hexdigest()
    return Record(
        f"{number:05d}/{i:09d}.jpg", f"{number:05d}", i, "marked", None, b"Ada-%07d" % i, None, None, 42 + i % 7 / 10,
        88.0, i % 50 / 100, sha, sha[::-1],
    )  # fmt: skip


def ask(question: str, place: Path) -> None:
    """Answer a question and print how long it took and how much memory."""
    began = time.perf_counter()
    manifest = Manifest.find(place)
    answer = statistics(manifest)["counts"] if question == "status" else len(manifest.look_up(["00500/000500123.jpg"]))
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"answer": answer, "seconds": took, "bytes": peak}))


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rate", "memory", "kills", "rows", "ask"])
    parser.add_argument("more", nargs="*")
    parser.add_argument("-n", type=int)
    given = parser.parse_args()
    if given.what == "ask":
        ask(given.more[0], Path(given.more[1]))
        return
    with tempfile.TemporaryDirectory(prefix="whole-sets-") as folder:
        measure: dict[str, Any] = {
            "rate": lambda: rate(Path(folder), given.n or 432),
            "memory": lambda: memory(Path(folder), given.n or 20_000),
            "kills": lambda: kills(Path(folder), given.n or 20_000, 100),
            "rows": lambda: rows(Path(folder), given.n or 1_000_000),
        }
        found = measure[given.what]()
    with RESULT.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"measured": given.what, "rows": found, "provenance": provenance()}) + "\n")
    print(json.dumps([{k: v for k, v in row.items() if k != "seconds_shards_bytes"} for row in found], indent=1))


if __name__ == "__main__":
    main()
