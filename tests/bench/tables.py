"""Reading and profiling tables: ours beside others, on one file in one process.

    python -m tests.bench.tables [rows] [rows of CSV]

Prints CPU seconds. JSON Lines: the others do less, json.loads and orjson make dictionaries only,
pyarrow.json makes columns but reads integers beyond 64 bits as floats. CSV: what the profile and
the sample of all rows take, as a multiple of pyarrow's own reading with one thread; and the
memory that ten columns of text that never repeats take.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json

from datagen_nb.synth.presets import Settings
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.sample import Sample
from datagen_nb.tables.formats import read_batches, write_part

ROWS = 100_000
CSV_ROWS = 1_000_000
ROUNDS = 3


def table(rows: int, begin: int = 0) -> pa.Table:
    """Twelve columns of every common type, about 170 bytes a row."""
    random = np.random.default_rng(begin)
    days = np.datetime64("2020-01-01", "us") + random.integers(0, 10**14, rows)
    return pa.table(
        {
            "id": np.arange(begin, begin + rows),
            "name": [f"customer-{number:06}" for number in random.integers(0, 10**6, rows)],
            "city": random.choice(["Hamburg", "Köln", "New York"], rows),
            "price": random.normal(100, 20, rows).round(2),
            "weight": random.normal(size=rows),
            "count": random.integers(0, 50, rows),
            "is_member": random.random(rows) < 0.5,
            "bought": days.astype("datetime64[s]"),
            "day": pa.array(days.astype("datetime64[D]")),
            "score": pa.array(random.random(rows), mask=random.random(rows) < 0.1),
            "note": pa.array(["a short text", None, "another one"] * (rows // 3 + 1))[:rows],
            "code": random.integers(10**6, 10**7, rows),
        }
    )


def _cpu_seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def json_lines(rows: int) -> None:
    buffer = io.BytesIO()
    write_part(table(rows), "jsonl", buffer)
    data = buffer.getvalue()
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        Path(file.name).write_bytes(data)
        with open(file.name, "rb") as opened:
            ours = _cpu_seconds(lambda: list(read_batches(opened, "jsonl")))
        others = {
            "pyarrow.json": _cpu_seconds(
                lambda: pyarrow.json.read_json(
                    file.name, read_options=pyarrow.json.ReadOptions(use_threads=False)
                )
            ),
            "json.loads": _cpu_seconds(lambda: [json.loads(line) for line in open(file.name)]),  # noqa: SIM115
            "orjson.loads": _cpu_seconds(lambda: list(map(orjson.loads, data.splitlines()))),
        }
    megabytes = len(data) / 1e6
    print(f"{rows:,} rows, {megabytes:.1f} MB of JSON Lines")
    print(f"{'ours':14}{ours:7.3f} s {megabytes / ours:8.1f} MB/s")
    for name, seconds in others.items():
        rate = megabytes / seconds
        print(f"{name:14}{seconds:7.3f} s {rate:8.1f} MB/s, ours / it {ours / seconds:.2f}")


def profiles(rows: int) -> None:
    """Profile and sample a CSV file, read by pyarrow and by us."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        with pyarrow.csv.CSVWriter(file, table(0).schema) as writer:
            for begin in range(0, rows, ROWS):
                writer.write(table(ROWS, begin))
        file.flush()
        options = pyarrow.csv.ReadOptions(use_threads=False)
        whole = pyarrow.csv.read_csv(file.name, read_options=options)
        began = time.process_time()
        pyarrow.csv.read_csv(file.name, read_options=options)
        read = time.process_time() - began
        began = time.process_time()
        profile, sample = Profile.start(whole.schema), Sample(Settings().sample_rows, 0)
        for batch in whole.to_batches():
            profile.add(batch)
            sample.add(batch)
        distinct = {name: column.distinct for name, column in profile.columns.items()}
        sample.take()
        profiled = time.process_time() - began
        began = time.process_time()
        with open(file.name, "rb") as opened:
            for _ in read_batches(opened, "csv"):
                pass
        ours = time.process_time() - began
    print(f"{rows:,} rows of CSV, {whole.num_columns} columns: {distinct}")
    print(f"{'pyarrow reads':20}{read:7.2f} s")
    print(f"{'profile and sample':20}{profiled:7.2f} s, {profiled / read:.2f} of pyarrow's reading")
    print(f"{'we read':20}{ours:7.2f} s, {ours / read:.2f} of pyarrow's reading")


def memory(rows: int) -> None:
    """Ten columns of text that seldom repeats, made batch by batch."""
    schema = pa.schema([(f"text{place}", pa.string()) for place in range(10)])
    profile = Profile.start(schema)
    before = _resident()
    for begin in range(0, rows, 50_000):
        numbers = pa.array(np.arange(begin, begin + 50_000)).cast(pa.string())
        texts = pc.binary_join_element_wise("a text that never repeats ", numbers, "")
        profile.add(pa.record_batch([texts] * 10, schema=schema))
    assert profile.columns["text0"].is_unique
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows:,} rows of 10 texts: peak {peak:.0f} MB, {peak - before:.0f} MB of them new")


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    counts = [int(argument) for argument in sys.argv[1:]]
    memory(counts[1] if len(counts) > 1 else CSV_ROWS)
    json_lines(counts[0] if counts else ROWS)
    profiles(counts[1] if len(counts) > 1 else CSV_ROWS)
