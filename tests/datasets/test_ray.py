"""Ray: the same bytes as the local engine, also after a worker of the cluster is killed."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray

from tests.datasets.conftest import KEY, Run, contents, encoded
from watermarking.datasets.adapters import MarkBatches, MarkRows
from watermarking.datasets.engines.local import Local
from watermarking.datasets.engines.ray import Ray
from watermarking.datasets.manifest import Manifest
from watermarking.datasets.operator import MarkSamples
from watermarking.datasets.plan import Plan, check_place
from watermarking.datasets.run import Progress, carry_out
from watermarking.datasets.stores.store import open_store
from watermarking.datasets.wording import Wording
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Ray's own making
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
N = 64


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A real cluster of two workers on this machine."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("source")
    for i in range(N):
        (place / f"{i:03}.jpg").write_bytes(encoded(i % 8, side=256))
    return place


def embed(source: Path, target: Path, engine: Any) -> Progress:
    store = open_store(source)
    operator = MarkSamples(marker=Marker(key=KEY, psnr=40), wording=Wording(template="{index}"))
    check_place(source, target)
    plan = Plan(store=store, source=source, target=target, operator=operator, shards=store.shards())
    *_, last = carry_out(plan, engine)
    return last


@pytest.fixture(scope="module")
def local(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("local") / "out"
    assert embed(source, target, Local(1)).is_whole
    return target


def same(one: Path, other: Path) -> None:
    assert contents(one) == contents(other)
    assert list(Manifest.find(one).records()) == list(Manifest.find(other).records())


def test_the_same_bytes_as_the_local_engine(cluster: None, source: Path, local: Path, tmp_path: Path) -> None:
    progress = embed(source, tmp_path / "out", Ray(2))
    assert (progress.failures, progress.is_whole) == ([], True)
    same(tmp_path / "out", local)


def actors() -> list[int]:
    """List the processes that carry out tasks (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"MapWorker" in stat.read_bytes():
                found.append(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def tars(place: Path) -> None:
    for number in range(3):
        with tarfile.open(place / f"{number:04d}.tar", "w") as tar:
            for i in range(4):
                for suffix, content in (("jpg", encoded(4 * number + i, side=256)), ("json", b'{"label": 1}')):
                    member = tarfile.TarInfo(f"{i:03d}.{suffix}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))


def tables(place: Path) -> None:
    for number in range(3):
        pictures = [encoded(4 * number + i, side=256) for i in range(4)]
        pq.write_table(pa.table({"image": pictures, "label": [0, 1, 2, 3]}), place / f"{number}.parquet")


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("make", [tars, tables])
def test_the_same_shards_as_the_local_engine(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "source").mkdir()
    make(tmp_path / "source")
    assert embed(tmp_path / "source", tmp_path / "local", Local(1)).is_whole
    assert embed(tmp_path / "source", tmp_path / "ray", Ray()).is_whole
    same(tmp_path / "local", tmp_path / "ray")


def test_a_worker_that_is_killed_costs_nothing(cluster: None, source: Path, local: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill() -> None:
        end = time.monotonic() + 60
        while not killed and time.monotonic() < end:
            if list((tmp_path / "out").glob("*.jpg")) and (found := actors()):
                os.kill(found[0], signal.SIGKILL)
                killed.append(found[0])
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    progress = embed(source, tmp_path / "out", Ray(2))
    thread.join()
    assert killed
    assert (progress.failures, progress.is_whole) == ([], True)
    same(tmp_path / "out", local)


def test_batches_of_rays_own_readers(cluster: None, source: Path) -> None:
    found = ray.data.read_binary_files(str(source), include_paths=True, override_num_blocks=2).limit(4)
    rows = MarkRows.of(Marker(key=KEY, psnr=40), message="Ada", column="bytes")
    marked = found.map_batches(MarkBatches, fn_constructor_args=(rows,), batch_size=2, concurrency=1, num_cpus=1)
    marker = Marker(key=KEY, search=0)
    for row in marked.take_all():
        assert marker.extract_bytes(row["bytes"]).text == "Ada"
        assert (source / Path(row["path"]).name).exists()


def test_a_batch_without_ray() -> None:
    rows = MarkRows.of(Marker(key=KEY, psnr=40), template="{index}", column="bytes")
    pictures = np.array([encoded(1), encoded(2, side=160)], object)
    done = MarkBatches(rows, "n")({"bytes": pictures, "n": np.array([3, 4])})
    assert [Marker(key=KEY, search=0).extract_bytes(one).text for one in done["bytes"]] == ["3", "4"]


def test_the_command_line_goes_on_where_another_engine_was(
    cluster: None, source: Path, local: Path, tmp_path: Path, run: Run
) -> None:
    target = tmp_path / "out"
    assert run.embed(source, target, message=("-m", "{index}")).exit_code == 0
    Manifest.find(target).part(2).unlink()
    (target / "040.jpg").unlink()
    done = run.embed(source, target, "--engine", "ray", message=("-m", "{index}"))
    assert done.exit_code == 0, done.output
    assert done.output == f"{target}: {N} marked\n"
    same(target, local)
