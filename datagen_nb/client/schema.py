"""Declared columns: a schema of rows that are made without a table to be like."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from datagen_nb.core.config_rules import MAX_ROWS, MAX_SEED
from datagen_nb.core.declaration import MAX_DECLARED_BYTES, read
from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.summary import Summarized, Summary, Table, count
from datagen_nb.core.yaml_text import Unreadable, parse

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from datagen_nb.synth.declared.model import DeclaredModel


class Schema(Summarized):
    """Columns that are declared: kinds, distributions, formulas, keys. docs/schema.md lists them.

    Args:
        columns: By name what each column is: a kind, or a dict of ``kind`` and options.
        locale: Language of names and places, as ``"de"``.
        name: What jobs of it are called.

    Raises:
        ConfigurationError: It breaks rules; every problem at once.

    Example:
        ```python
        schema = dg.Schema(
            {
                "id": "id",
                "customer": "person",
                "email": "email",
                "price": {"kind": "number", "distribution": "lognormal", "mean": 40, "sd": 30},
                "status": {"kind": "category", "values": {"open": 0.2, "paid": 0.8}},
            },
            locale="en",
        )
        schema.sample(100)
        job = client.submit(schema=schema, rows=10_000)
        ```
    """

    def __init__(
        self, columns: Mapping[str, Any], *, locale: str = "en", name: str = "schema"
    ) -> None:
        self._given = {"locale": locale, "columns": _plain(columns)}
        self._declaration = read(self._given)
        self._model: DeclaredModel | None = None
        self.name = name

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str]) -> Self:
        """Read a schema from a file of YAML, or of JSON.

        Texts stay texts: ``no`` and ``2024-06-01`` mean what is written. Tags and aliases are
        refused.

        Args:
            path: The file, of at most 1 MB.

        Raises:
            ConfigurationError: It is no YAML, or breaks a rule.
            InputError: There is no such file (``input_not_found``).

        Example:
            ```python
            schema = dg.Schema.from_yaml("customers.yaml")
            ```
        """
        from datagen_nb.tables.sniff import open_file

        source = Path(path).expanduser()
        with open_file(source) as file:
            data = file.read(MAX_DECLARED_BYTES + 1)
        try:
            given = parse(data.decode(), most=MAX_DECLARED_BYTES)
        except (Unreadable, UnicodeDecodeError) as error:
            rule, remedy = f"is no YAML that can be used: {error}", "Correct the file."
            raise ConfigurationError([Problem("schema", str(source), rule, remedy)]) from error
        return cls.from_dict(given, name=source.stem)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any], *, name: str = "schema") -> Self:
        """Make a schema of what ``to_dict`` gives.

        Args:
            given: ``locale`` and ``columns``.
            name: What jobs of it are called.

        Raises:
            ConfigurationError: It breaks rules.

        Example:
            ```python
            schema = dg.Schema.from_dict({"locale": "de", "columns": {"id": "id"}})
            ```
        """
        given = _plain(given)
        read(given)
        return cls(given["columns"], locale=given.get("locale", "en"), name=name)

    def to_dict(self) -> dict[str, Any]:
        """The schema as JSON values, as ``parameters.schema`` holds it.

        Example:
            ```python
            schema.to_dict()["columns"]["id"]
            ```
        """
        return {**self._given, "columns": dict(self._given["columns"])}

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self._declaration.columns]

    def __len__(self) -> int:
        return len(self._declaration.columns)

    def sample(self, rows: int, *, seed: int = 0) -> pd.DataFrame:
        """Make rows in this process, without a service, as a pandas DataFrame.

        Args:
            rows: How many, from 1.
            seed: Another seed gives other rows, the same seed the same ones.

        Raises:
            ArgumentError: There cannot be so many rows, or there is no such seed.
            ConfigurationError: A formula has no meaning for its columns.
            InputError: A column in which no value repeats has too few (``too_few_values``).

        Example:
            ```python
            schema.sample(100, seed=7)
            ```
        """
        from datagen_nb.tables.frames import to_pandas

        return to_pandas(self.sample_arrow(rows, seed=seed))

    def sample_arrow(self, rows: int, *, seed: int = 0) -> pa.Table:
        """Make rows in this process, as a pyarrow Table.

        Args:
            rows: As for ``sample``, and so is the other.
            seed: Another seed gives other rows.

        Raises:
            ArgumentError: There cannot be so many rows, or there is no such seed.
            ConfigurationError: A formula has no meaning for its columns.
            InputError: A column in which no value repeats has too few (``too_few_values``).

        Example:
            ```python
            table = schema.sample_arrow(1_000)
            ```
        """
        from datagen_nb.client.loaded_model import Model, check_whole
        from datagen_nb.synth.declared.compiling import model_of

        check_whole("rows", rows, 1, MAX_ROWS)
        check_whole("seed", seed, 0, MAX_SEED)
        if self._model is None or self._model.seed != seed:
            self._model = model_of(self._declaration, seed=seed)
        return Model(self._model, name=self.name).sample_arrow(rows)

    def _summary(self) -> Summary:
        table = Table(
            ("column", "kind", "options"),
            [
                (one.name, one.kind, ", ".join(f"{k}: {v}" for k, v in one.options.items()))
                for one in self._declaration.columns
            ],
            numbers=(False, False, False),
        )
        facts = [("Make rows", "schema.sample(100)"), ("In a job", "client.submit(schema=…)")]
        return Summary("Schema", count(len(self), "column"), facts, table)


def declared_in(schema: Schema | Mapping[str, Any]) -> dict[str, Any]:
    """A schema as ``parameters.schema`` holds it.

    Raises:
        ConfigurationError: It breaks rules, or is no schema.
    """
    return (schema if isinstance(schema, Schema) else Schema.from_dict(schema)).to_dict()


def _plain(value: Any) -> Any:
    """JSON values of those of Python: dates and numpy's numbers among them."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    return value
