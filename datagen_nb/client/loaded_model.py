"""A model in a file, which makes rows in this process, without a service."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from datagen_nb.core.config_rules import MAX_ROWS, MAX_SEED
from datagen_nb.core.errors import ArgumentError, ConfigurationError, DatagenError, Problem
from datagen_nb.core.formats import known_endings, written_format
from datagen_nb.core.quoting import brief_repr
from datagen_nb.core.summary import Summarized, Summary, Table, count
from datagen_nb.pipelines.built_in import INFO

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from datagen_nb.pipelines.engine.workspace import Plan
    from datagen_nb.synth.model import Model as FittedModel
    from datagen_nb.synth.selection import Selection
    from datagen_nb.synth.uniqueness import Seen

MAX_BYTES = 1 << 30
"""Largest file of a model that is loaded."""


def load_model(path: str | os.PathLike[str]) -> Model:
    """Load a model from the file that ``job.model.download`` wrote.

    The file holds arrays and JSON, nothing that could run. One that is broken is refused, in no
    more memory than its size explains.

    Args:
        path: The file.

    Raises:
        InputError: It is not there (``input_not_found``), no model or a broken one
            (``model_damaged``), or of another version (``model_other_version``).

    Example:
        ```python
        model = dg.load_model("customers.model")
        model.sample(1_000)
        ```
    """
    from datagen_nb.synth import packing
    from datagen_nb.synth.model import Model as FittedModel
    from datagen_nb.tables.input_errors import input_error
    from datagen_nb.tables.sniff import open_file

    source = Path(path).expanduser()
    with open_file(source) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        limit = f"is larger than {MAX_BYTES >> 30} GiB, more than a model has"
        raise input_error("model_damaged", str(source), limit, "Name the file of a model.")
    try:
        model = Model(FittedModel.from_bytes(data), name=source.name)
        model._repr_html_()
        model.sample_arrow(1)
    except packing.OtherFormat as error:
        raise input_error(
            "model_other_version",
            str(source),
            f"was written by version {error.version} of datagen_nb, which keeps models otherwise",
            "Load it with that version, or fit the model again.",
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # what a file holds may fail anywhere
        why = f"is no model that can be used: {error}"
        raise input_error("model_damaged", str(source), why, "Download it again.") from error
    return model


class Model(Summarized):
    """A fitted model, loaded from a file: makes rows in this process, without a service.

    As the last line of a cell it shows what was fitted.

    Example:
        ```python
        model = dg.load_model("customers.model")
        model.sample(1_000, seed=7)
        ```
    """

    def __init__(self, fitted: FittedModel, *, name: str) -> None:
        self._fitted = fitted
        self._name = name

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        from datagen_nb.tables.forms import presented

        schema: pa.Schema = presented(self._fitted.schema.empty_table()).schema
        return schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kind of each column, as ``numeric``; of nested columns, of each one inside."""
        return dict(self._fitted.kinds)

    @property
    def relations(self) -> Sequence[str]:
        """The rules between columns that the rows keep, as ``total = quantity * price``."""
        return [relation.sentence for relation in self._fitted.relations]

    @property
    def warnings(self) -> Sequence[str]:
        """What the fit left out or replaced, in sentences."""
        return list(self._fitted.warnings)

    @property
    def rows_fitted(self) -> int:
        """How many rows of the table it was fitted to; 0 if its columns were declared."""
        return self._fitted.rows

    @property
    def seed(self) -> int:
        """The seed of the job."""
        return self._fitted.seed

    def sample(
        self,
        rows: int,
        *,
        seed: int | None = None,
        rules: Sequence[str] = (),
        condition: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Make rows, as a pandas DataFrame.

        Args:
            rows: How many, from 1.
            seed: Another seed gives other rows with other identifiers, the same seed the same
                ones; by default the job's, which gives the job's rows.
            rules: What each row keeps, as ``["price >= 0"]``; see ``dg.PARAMETERS["rules"]``.
            condition: Values that columns have in each row, as ``{"segment": "B"}``, or for one
                column the shares of its values, as ``{"fraud": {"yes": 0.5}}``.

        Raises:
            ArgumentError: There cannot be so many rows, or there is no such seed.
            ConfigurationError: A rule or the condition cannot be read.
            Rejected: A regular expression or shares cannot be used.
            InputError: The model lacks a column (``unknown_column``), or a rule or the condition
                is not for its rows (``unfit_rule``, ``unfit_condition``) or kept by too few of
                them (``unmet_rule``, ``unmet_condition``); the model cannot make rows
                (``model_damaged``); or pandas cannot hold a column: ``sample_arrow`` gives it.

        Example:
            ```python
            frame = model.sample(1_000, seed=7)
            fraud = model.sample(1_000, condition={"fraud": "yes"})
            ```
        """
        from datagen_nb.tables.frames import to_pandas

        return to_pandas(self.sample_arrow(rows, seed=seed, rules=rules, condition=condition))

    def sample_arrow(
        self,
        rows: int,
        *,
        seed: int | None = None,
        rules: Sequence[str] = (),
        condition: Mapping[str, Any] | None = None,
    ) -> pa.Table:
        """Make rows, as a pyarrow Table.

        Args:
            rows: As for ``sample``, and so are the others.
            seed: Another seed gives other rows.
            rules: What each row keeps.
            condition: Values that columns have in each row, or the shares of values.

        Raises:
            ArgumentError: There cannot be so many rows, or there is no such seed.
            ConfigurationError: A rule or the condition cannot be read.
            Rejected: A regular expression or shares cannot be used.
            InputError: A rule or the condition is not for the model's rows, or too few keep it;
                or the model cannot make rows (``model_damaged``).

        Example:
            ```python
            table = model.sample_arrow(1_000)
            ```
        """
        import pyarrow as pa

        from datagen_nb.tables.forms import presented

        made = self._made(rows, "parquet", seed, rules, condition)
        return presented(pa.concat_tables(made.part(index) for index in range(made.plan.count)))

    def write(
        self,
        path: str | os.PathLike[str],
        rows: int,
        *,
        seed: int | None = None,
        rules: Sequence[str] = (),
        condition: Mapping[str, Any] | None = None,
        format: str | None = None,
        overwrite: bool = False,
        on_progress: Callable[[float], object] | None = None,
    ) -> Path:
        """Make rows and write them into a file, whole or not at all, part by part.

        The file is the one that a job with the same seed writes. It takes memory for one part of
        the rows, whatever their number; of one long series, for all.

        Args:
            path: Where to; its ending is that of a format, as ``customers.parquet``.
            rows: How many, from 1.
            seed: Another seed gives other rows; by default the job's, which gives the job's rows.
            rules: What each row keeps, as for ``sample``.
            condition: Values that columns have in each row, or the shares of values.
            format: ``csv``, ``json``, ``jsonl`` or ``parquet``; by default what the path's ending
                says.
            overwrite: Whether a file that is there is replaced.
            on_progress: Is called with the share of the rows that is written, 0 to 1, after each
                part.

        Returns:
            The path of the file, absolute.

        Raises:
            ArgumentError: There cannot be so many rows, or there is no such seed.
            ConfigurationError: The path ends in nothing that is written, or a rule or the
                condition cannot be read.
            Rejected: A regular expression or shares cannot be used.
            InputError: A rule or the condition is not for the model's rows, or too few keep it;
                or the model cannot make rows (``model_damaged``).
            OutputError: There is a file already (``output_exists``) and ``overwrite`` is False,
                or it cannot be written.

        Example:
            ```python
            model.write("customers.parquet", 10_000_000, seed=7)
            ```
        """
        from datagen_nb.files import write_atomically
        from datagen_nb.tables.dialect import Dialect
        from datagen_nb.tables.formats import assemble

        target = Path(os.path.abspath(os.path.expanduser(path)))
        made = self._made(rows, _format_of(target, format), seed, rules, condition)
        form = self._fitted.schema
        schema = Dialect.of(form).for_path(target.name).attach(form)
        with write_atomically(target, overwrite=overwrite) as file:
            assemble(
                made.files(schema, on_progress or (lambda _: None)),
                made.plan.format,
                file,
                schema=schema,
            )
        return target

    def _made(
        self,
        rows: int,
        format: str,
        seed: int | None,
        rules: Sequence[str],
        condition: Mapping[str, Any] | None,
    ) -> _Made:
        """The rows that are asked for, none of them made yet."""
        from datagen_nb.pipelines.engine.workspace import Plan
        from datagen_nb.pipelines.selecting import selection_for

        check_whole("rows", rows, 1, MAX_ROWS)
        if seed is not None:
            check_whole("seed", seed, 0, MAX_SEED)
        parameters = _read(rules, condition)
        with _damage_named(self._name):
            fitted = self._fitted if seed is None else self._fitted.reseeded(seed)
            selection, _ = selection_for(fitted, parameters)
            least = fitted.part_rows(rows)
            plan = Plan.dividing(rows, format, len(fitted.schema), least=least)
        return _Made(fitted, plan, selection, self._name)

    def _summary(self) -> Summary:
        relations, kinds = self.relations, self.kinds
        origin = f"fitted to {count(self.rows_fitted, 'row')}" if self.rows_fitted else "declared"
        line = f"{count(len(kinds), 'column')}, {origin}"
        facts = [("Make rows", "model.sample(1_000)")]
        if relations:
            facts.insert(0, ("Relations", "; ".join(relations)))
        if self._fitted.privacy:
            facts.insert(0, ("Privacy", self._fitted.privacy))
        types = {field.name: str(field.type) for field in self._fitted.schema}
        rows = [(name, kind, types.get(name, "")) for name, kind in kinds.items()]
        table = Table(("column", "kind", "type"), rows, numbers=(False, False, False))
        return Summary("Model", line, facts, table, self.warnings)


@dataclass(slots=True)
class _Made:
    """Rows in parts, as a job makes them; the parts are made in their order."""

    fitted: FittedModel
    plan: Plan
    selection: Selection | None
    name: str
    seen: tuple[Seen, ...] = ()

    def __post_init__(self) -> None:
        if self.selection is not None:
            from datagen_nb.synth.uniqueness import Seen

            self.seen = tuple(Seen() for _ in self.selection.unique)

    def part(self, index: int) -> pa.Table:
        """The rows of one part, in plain columns."""
        from datagen_nb.pipelines.engine.tasks import make_part

        with _damage_named(self.name):
            made = make_part(self.fitted, self.plan, index, self.selection, self.seen)
        for seen, hashes in zip(self.seen, made.hashes, strict=True):
            seen.add(hashes)
        return made.table

    def files(
        self, schema: pa.Schema, on_progress: Callable[[float], object]
    ) -> Iterator[BinaryIO]:
        """A file in memory for each part, with the form of a schema, one after the other."""
        import pyarrow as pa

        from datagen_nb.tables.formats import write_part

        for index in range(self.plan.count):
            file = io.BytesIO()
            table = self.part(index)
            with _damage_named(self.name):
                table = pa.Table.from_arrays(table.columns, schema=schema)
                write_part(table, self.plan.format, file)
            del table
            yield file
            on_progress(min((index + 1) * self.plan.part_rows / self.plan.total, 1.0))


@contextmanager
def _damage_named(name: str) -> Iterator[None]:
    """Raise what a damaged model fails with as an error that names it."""
    try:
        yield
    except (DatagenError, MemoryError):
        raise
    except Exception as error:  # more rows may meet what the first did not
        from datagen_nb.tables.input_errors import input_error

        raise input_error(
            "model_damaged",
            name,
            f"cannot make rows: {type(error).__name__}: {error}",
            "Download it again, or fit the model again.",
        ) from error


def _read(rules: Sequence[str], condition: Mapping[str, Any] | None) -> dict[str, Any]:
    """Rules and a condition as the parameters of a job.

    Raises:
        ConfigurationError: One breaks a rule of these.
    """
    parameters: dict[str, Any] = {
        "rules": rules,
        "condition": {} if condition is None else condition,
    }
    problems = [
        replace(problem, field=problem.field.removeprefix("parameters."))
        for problem in INFO.problems({"parameters": parameters})
    ]
    if problems:
        raise ConfigurationError(problems)
    return parameters


def _format_of(path: Path, format: str | None) -> str:
    """The format of a file of this name.

    Raises:
        ConfigurationError: The name says none, or one that is not written.
    """
    if found := written_format(path.name, format, ""):
        return found
    rule, remedy = "has no ending that names a format", f"End it in one of {known_endings()}."
    raise ConfigurationError([Problem("path", brief_repr(path.name), rule, remedy)])


def check_whole(name: str, value: int, least: int, most: int) -> None:
    """Look whether an argument is a whole number between two bounds.

    Raises:
        ArgumentError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ArgumentError(
            f"{name} = {value!r} has to be a whole number from {least} to {most:,}. "
            "Give one, as 1_000."
        )
