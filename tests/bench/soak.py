"""Memory and descriptors of a kernel and a service that work for a long time.

Run as ``python -m tests.bench.soak [--minutes 20]``. This process is the kernel: it submits and
cancels jobs, shows cards and grids and closes them, and reads events; the service is a local one of
its own. What is printed has to be flat after the first minutes.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil

import datagen_nb as dg

READERS = 5
SAMPLE_SECONDS = 30.0
WARM = 0.25
"""Share of the time that is not judged: caches fill, allocators find their size."""

TABLE = pd.DataFrame(
    {"id": range(300), "age": [20 + n % 50 for n in range(300)], "name": ["ann", "bob", "cy"] * 100}
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What two processes hold: memory in MB, open descriptors, threads; jobs that went through."""

    seconds: float
    jobs: int
    kernel: tuple[float, int, int]
    service: tuple[float, int, int]
    workers: float

    def __str__(self) -> str:
        kernel, service = (
            f"{memory:7.1f} {files:5} {threads:4}"
            for memory, files, threads in (self.kernel, self.service)
        )
        return f"{self.seconds:7.0f} {self.jobs:6}  {kernel}  {service}  {self.workers:8.1f}"


HEADINGS = (
    "                     kernel               service      workers\n"
    "seconds   jobs       MB files thrd       MB files thrd        MB"
)


def held(process: psutil.Process) -> tuple[float, int, int]:
    return process.memory_info().rss / 1e6, process.num_fds(), process.num_threads()


def sample(begun: float, jobs: int, service: psutil.Process) -> Sample:
    gc.collect()
    workers = 0.0
    for child in service.children(recursive=True):
        try:
            workers += child.memory_info().rss / 1e6
        except psutil.NoSuchProcess:
            continue  # it ended while it was looked at
    return Sample(time.monotonic() - begun, jobs, held(psutil.Process()), held(service), workers)


def read_events(home: Path, ended: threading.Event) -> None:
    """Read what happens, over a connection that is made anew from time to time."""
    while not ended.is_set():
        with dg.connect(home=home) as client:
            for number, _ in enumerate(client.jobs.changes()):
                if number > 200 or ended.is_set():
                    break


def use(client: dg.Client, number: int) -> int:
    """What a person does in a minute, at once; returns how many jobs it took."""
    jobs = [client.submit(TABLE, rows=2_000, seed=number + n) for n in range(3)]
    large = client.submit(TABLE, rows=200_000_000)
    cards = [job.card("widget") for job in [*jobs, large]]
    stops = [job.watch(lambda status: None) for job in jobs]
    large.cancel()
    for job in jobs:
        data = job.result()
        grid = data.view()
        len(data.to_pandas())
        grid.close()
    for stop in stops:
        stop()
    for card in cards:
        card.close()
    history = dg.history(client)
    history.close()
    client.jobs.delete(*(job.id for job in [*jobs, large]))
    return len(cards)


def soak(minutes: float) -> list[Sample]:
    samples = []
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        client = dg.connect(home=home)
        service = psutil.Process(client.info().pid)
        ended = threading.Event()
        readers = [
            threading.Thread(target=read_events, args=(home, ended), daemon=True)
            for _ in range(READERS)
        ]
        for reader in readers:
            reader.start()
        print(HEADINGS)
        begun, jobs, next_sample = time.monotonic(), 0, 0.0
        try:
            while (passed := time.monotonic() - begun) < minutes * 60:
                jobs += use(client, jobs)
                if passed >= next_sample:
                    samples.append(sample(begun, jobs, service))
                    next_sample = passed + SAMPLE_SECONDS
                    print(samples[-1], flush=True)
            ended.set()
            client.submit(TABLE, rows=10).wait()  # an event for each reader to notice the end by
            for reader in readers:
                reader.join(30)
            samples.append(sample(begun, jobs, service))
            print(samples[-1], flush=True)
        finally:
            client.close()
            subprocess.run(
                [sys.executable, "-m", "datagen_nb", "stop", "--home", place], check=True
            )
    return samples


def judge(samples: list[Sample]) -> str:
    """How much each grew after the warm-up, in a sentence each."""
    warm = samples[int(len(samples) * WARM) :]
    hours = (warm[-1].seconds - warm[0].seconds) / 3600
    lines = []
    for name in ("kernel", "service"):
        first, last = getattr(warm[0], name), getattr(warm[-1], name)
        lines.append(
            f"{name}: {last[0] - first[0]:+.1f} MB in {hours * 60:.0f} minutes and "
            f"{warm[-1].jobs - warm[0].jobs:,} jobs, {last[1] - first[1]:+} descriptors, "
            f"{last[2] - first[2]:+} threads"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    print(judge(soak(parser.parse_args().minutes)))
