"""Parquet: typed columns in row groups, with an index behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from datagen_nb.tables.table_format import FileEnds, Opener, Reading, TableFormat

if TYPE_CHECKING:
    import pyarrow as pa

_MIN_SIZE = 12
_ROW_GROUP = 1 << 20


class Parquet(TableFormat):
    """Rows are read by row group."""

    name = "parquet"
    label = "Parquet"
    endings = (".parquet", ".pq")
    is_text = False
    magic = b"PAR1"
    read_seconds = 1e-7
    write_seconds = 1.5e-7
    report_seconds = 1e-7
    size_deviation = 0.5
    row_size = 30
    joins_files = True

    def check(self, ends: FileEnds, name: str, parameters: Mapping[str, Any] | None) -> None:
        from datagen_nb.tables.input_errors import input_error

        if ends.size < _MIN_SIZE or ends.tail != self.magic:
            raise input_error(
                "input_broken",
                name,
                f"is a Parquet file cut short: its footer is missing at byte {ends.size:,}",
                "Copy or write it again.",
                byte=ends.size,
            )

    def read(self, file: BinaryIO, reading: Reading) -> Iterator[pa.RecordBatch]:
        from datagen_nb.tables import parquet_files

        return parquet_files.read(file, reading.name, reading.progress)

    def read_part(self, file: BinaryIO, schema: pa.Schema) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from datagen_nb.tables.nested import Nested

        file.seek(0)
        table = pq.read_table(file, use_threads=False)
        if (nested := Nested.of(schema)) is not None:
            table = pa.Table.from_batches([nested.flatten(table)])
        return table.cast(schema)

    def write_part(self, table: pa.Table, file: BinaryIO) -> None:
        import pyarrow.parquet as pq

        from datagen_nb.tables.forms import presented

        pq.write_table(presented(table), file, compression="zstd", row_group_size=_ROW_GROUP)

    def join(self, parts: Iterable[BinaryIO], target: BinaryIO, schema: pa.Schema | None) -> None:
        from datagen_nb.tables import parquet_files

        parquet_files.join(parts, target)

    def join_files(
        self,
        files: Sequence[Path],
        target: BinaryIO,
        parameters: Mapping[str, Any],
        open_file: Opener,
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from datagen_nb.tables.file_sets import other_form
        from datagen_nb.tables.input_errors import input_error

        writer: pq.ParquetWriter | None = None
        try:
            for path in files:
                with open_file(path) as file:
                    source = pq.ParquetFile(file)
                    writer = writer or pq.ParquetWriter(target, source.schema_arrow)
                    for group in range(source.num_row_groups):
                        table = source.read_row_group(group, use_threads=False)
                        if table.column_names != writer.schema.names:
                            raise other_form(path, files[0])
                        writer.write_table(table.cast(writer.schema))
        except pa.ArrowInvalid as error:
            raise input_error(
                "input_broken", str(path), f"cannot be joined: {error}", "Write it again."
            ) from error
        finally:
            if writer is not None:
                writer.close()

    def sample(
        self, file: BinaryIO, name: str, *, max_cells: int, cells: int
    ) -> tuple[list[pa.RecordBatch], int, bool]:
        from datagen_nb.tables.parquet_files import parquet_spread

        batches, rows, from_all_over = parquet_spread(file, name, max_cells=max_cells, cells=cells)
        return list(batches), rows, from_all_over


FORMAT = Parquet()
