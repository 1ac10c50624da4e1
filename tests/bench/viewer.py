"""The engine of the viewer on large tables, in CPU seconds, wall seconds and memory of a kernel.

    python -m tests.bench.viewer [rows]

Tables: `rows` x 20 in row groups of 500,000; 4,000,000 of them in one row group; 10,000 columns.
Each is opened in a process of its own. DuckDB by itself is measured in the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 10_000_000
GROUP = 500_000
WIDE = 10_000
SCREEN = 20
SEEN = list(range(10))


def rows_of(begin: int, count: int) -> pa.Table:
    """Twenty columns of every common type."""
    random = np.random.default_rng(begin)
    names = np.char.add("customer-", random.integers(0, 10**8, count).astype(str))
    columns: dict[str, Any] = {
        "id": np.arange(begin, begin + count),
        "name": names,
        "city": np.array(["Hamburg", "Köln", "New York"])[random.integers(0, 3, count)],
        "price": random.normal(100, 20, count).round(2),
        "at": pa.array(random.integers(0, 2**50, count), pa.timestamp("us", "Europe/Berlin")),
        "day": pa.array(random.integers(0, 20_000, count).astype("int32"), pa.date32()),
    }
    for place in range(14):
        kind = random.integers(0, 10**6, count) if place % 2 else random.normal(size=count)
        columns[f"value{place}"] = pa.array(kind, mask=random.random(count) < 0.05)
    return pa.table(columns)


def write(path: Path, rows: int, group: int) -> None:
    """A Parquet file of `rows_of`."""
    with pq.ParquetWriter(path, rows_of(0, 1).schema, compression="zstd") as writer:
        pieces: list[pa.Table] = []
        for begin in range(0, rows, GROUP):
            pieces.append(rows_of(begin, min(GROUP, rows - begin)))
            if sum(piece.num_rows for piece in pieces) >= group or begin + GROUP >= rows:
                writer.write_table(pa.concat_tables(pieces), row_group_size=group)
                pieces = []


class Meter:
    """Measures steps of this process, and prints each."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss

    def grown(self) -> float:
        """MB since the beginning."""
        return (self._process.memory_info().rss - self._before) / 1e6

    @contextmanager
    def step(self, name: str, times: int = 1) -> Iterator[None]:
        """Measure the body, which does something ``times`` times."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(
            f"{name:42} {1000 * wall / times:9.0f} ms {1000 * cpu / times:9.0f} ms CPU "
            f"{self.grown():7.0f} MB",
            flush=True,
        )


def measure_table(path: str) -> None:
    """Open, jump, sort, filter, search."""
    from datagen_nb.tables.view.engine import Engine
    from datagen_nb.tables.view.profile import distinct_values, profile
    from datagen_nb.tables.view.query import Compare, Query, Sort, Text
    from datagen_nb.tables.view.search import Search
    from datagen_nb.ui.viewer_columns import cell_texts, columns_of

    meter = Meter()

    def seen(view: Any, start: int) -> list[list[str | None]]:
        table = engine.rows(view, start, start + SCREEN, SEEN)
        return [cell_texts(column) for column in table.columns]

    with meter.step("open, first screen"):
        engine = Engine(path)
        columns = columns_of(engine, Query())
        first = seen(engine.whole, 0)
    _print_bytes(columns, first)
    jumps = np.random.default_rng(1).integers(0, engine.num_rows, 20)
    with meter.step("jump to a screen", len(jumps)):
        for jump in jumps:
            seen(engine.whole, int(jump))
    for name in ("price", "name"):
        with meter.step(f"sort by {name}, first screen"):
            view = engine.select(Query(sorts=(Sort(column=name),)))
            seen(view, 0)
        with meter.step(f"sort by {name}, whole order"):
            view.whole()
        with meter.step("  page of it anywhere", 5):
            for jump in jumps[:5]:
                seen(view, int(jump))
        with meter.step(f"  DuckDB alone, whole order of {name}"):
            with engine.connection.cursor("alone") as cursor:
                place = engine.schema.names.index(name)
                source, _ = engine.bound(cursor, Query(), [place])
                cursor.ids(f"SELECT _row FROM {source} ORDER BY c{place}, _row")
    with meter.step("filter price > 130"):
        engine.select(Query(filter=Compare(column="price", operator=">", value="130")))
    with meter.step("filter name contains 777"):
        engine.select(Query(filter=Text(column="name", operator="contains", value="777")))
    with meter.step("profile of 6 columns"):
        for place in range(6):
            profile(engine, Query(), place)
    with meter.step("distinct values of city"):
        distinct_values(engine, Query(), 2)
    engine.select(Query())
    search = Search(engine, engine.whole, "9999")
    with meter.step("search all columns, first match"):
        search.go(0)
    with meter.step("search all columns, interrupted"):
        engine.select(Query())
    engine.close()
    time.sleep(0.5)
    print(f"{'closed':42} {'':29} {meter.grown():7.0f} MB")


def _print_bytes(columns: Any, cells: list[list[str | None]]) -> None:
    """What travels once, and for each screen."""
    reply = {"start": 0, "numbers": list(range(len(cells[0]))), "cells": cells}
    for name, content in (("columns, once", columns), ("each screen", reply)):
        print(f"{name:42} {len(json.dumps(content, ensure_ascii=False).encode()):9,} bytes")


def measure_wide(path: str) -> None:
    """Open and scroll sideways."""
    from datagen_nb.tables.view.engine import Engine
    from datagen_nb.tables.view.query import Query
    from datagen_nb.ui.viewer_columns import cell_texts, columns_of

    meter = Meter()
    with meter.step("open, first screen"):
        engine = Engine(path)
        columns = columns_of(engine, Query())
        table = engine.rows(engine.whole, 0, 10, SEEN)
    _print_bytes(columns, [cell_texts(column) for column in table.columns])
    with meter.step("scroll sideways", 5):
        for place in range(1_000, 6_000, 1_000):
            table = engine.rows(engine.whole, 0, 10, range(place, place + 12))
            [cell_texts(column) for column in table.columns]
    engine.close()


def _apart(measure: Callable[[str], None], path: Path) -> None:
    code = f"from tests.bench import viewer; viewer.{measure.__name__}({str(path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as folder:
        many, one, wide = (Path(folder, f"{name}.parquet") for name in ("many", "one", "wide"))
        write(many, rows, GROUP)
        print(f"{rows:,} x 20, {many.stat().st_size / 1e6:,.0f} MB")
        _apart(measure_table, many)
        write(one, min(rows, 4_000_000), 4_000_000)
        print(f"\n{min(rows, 4_000_000):,} x 20 in one row group")
        _apart(measure_table, one)
        pq.write_table(pa.table({f"column{place}": range(10) for place in range(WIDE)}), wide)
        print(f"\n10 x {WIDE:,}")
        _apart(measure_wide, wide)


if __name__ == "__main__":
    main()
