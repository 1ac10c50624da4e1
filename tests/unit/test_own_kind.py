"""Kinds of columns from outside of the package: found by their entry points, known everywhere."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from tests.own_package import Environment

MODULE = '''
import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.kinds import Scale
from datagen_nb.codecs.codec import TextCodec
from datagen_nb.synth.column_kind import ColumnKind
from datagen_nb.synth.identities import is_text
from datagen_nb.synth.identities.known import KnownValues


class Plate(ColumnKind):
    """Number plates are made anew."""

    name = "plate"
    label = "number plate"
    scale = Scale.NEW

    def holds(self, type):
        return is_text(type)

    def maker(self, column):
        if column.is_integer:
            return None
        are_plates = pc.match_substring_regex(column.distinct, r"^B-[A-Z]{2} \\d{4}$")
        if not column.is_wanted and not pc.all(are_plates).as_py():
            return None
        return Plates(column.known(column.distinct))


@dataclass(frozen=True)
class Plates:
    known: KnownValues
    start: int = 0
    needs: tuple[str, ...] = ()
    is_unique: bool = True

    def rekeyed(self, shift):
        return replace(self, start=(self.start + shift) % 50_000)

    def make(self, numbers, given, random):
        numbers = numbers + self.start
        made = self.write(numbers * 16)
        for turn in range(1, 16):
            is_known = pa.array(self.known.contains(made))
            made = pc.if_else(is_known, self.write(numbers * 16 + turn), made)
        return made

    def write(self, numbers):
        letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
        return pa.array(
            f"B-{letters[n // 230_000 % 23]}{letters[n // 10_000 % 23]} {n % 10_000:04}"
            for n in numbers.tolist()
        )


class Duration(ColumnKind):
    """Lengths of time have an order, and are written with hours and minutes."""

    name = "duration"
    label = "duration"
    scale = Scale.ORDERED

    def holds(self, type):
        return is_text(type)

    def codec(self, column):
        if not column.is_text:
            return None
        codec = TextCodec((Minutes(),), (), "int64", str(column.column.type))
        _, forms = codec.parse_distinct(column.counts.texts)
        return codec if len(forms) and forms.all() else None


@dataclass(frozen=True)
class Minutes:
    unit: str = "int64"

    def read(self, texts):
        found = [re.fullmatch(r"(\\d+)h (\\d\\d)m", text) for text in texts.to_pylist()]
        numbers = [int(each[1]) * 60 + int(each[2]) if each else 0 for each in found]
        return np.array(numbers, np.int64), np.array([each is not None for each in found])

    def write(self, values):
        return pa.array([f"{n // 60}h {n % 60:02}m" for n in values.tolist()], pa.string())
'''

SUITE = """
import broken_kinds
import own_kinds
from datagen_nb.testing import ColumnKindSuite


class TestPlate(ColumnKindSuite):
    kind = own_kinds.Plate()

    def make_column(self, random, rows):
        return own_kinds.Plates(None).write(random.permutation(23 * 23 * 10_000)[:rows])


class TestDuration(ColumnKindSuite):
    kind = own_kinds.Duration()

    def make_column(self, random, rows):
        return own_kinds.Minutes().write(random.gamma(3, 60, rows).astype(int))


class TestCopied(ColumnKindSuite):
    kind = broken_kinds.Copied()

    def make_column(self, random, rows):
        return broken_kinds.Copies().make(random.permutation(rows), {}, random)


class TestMissing(TestCopied):
    kind = broken_kinds.Missing()
"""

BROKEN = """
from dataclasses import dataclass

import pyarrow as pa

from own_kinds import Plate


class Copied(Plate):
    name = "copied"

    def maker(self, column):
        is_own = not column.is_integer and column.values[0].as_py().startswith("K-")
        return Copies() if column.is_wanted or is_own else None


class Missing(Copied):
    name = "missing"


@dataclass(frozen=True)
class Copies:
    needs: tuple[str, ...] = ()
    is_unique: bool = True

    def rekeyed(self, shift):
        return self

    def make(self, numbers, given, random):
        return pa.array([f"K-{n:04}" for n in numbers.tolist()])
"""

SCRIPT = """
import json
import datagen_nb as dg
from datagen_nb.core.errors import DatagenError

with dg.connect() as client:
    found = client.inspect("cars.csv")
    job = client.submit("cars.csv", rows=300, parameters={"part_rows": 100})
    data = job.result()
    made = data.to_pandas()
    as_plate = {"columns": {"town": "plate"}}
    chosen = client.submit("cars.csv", rows=20, parameters=as_plate).result().to_pandas()
    wizard = dg.wizard(client)
    wizard.use("cars.csv")
    wizard.update(columns={"town": "plate"})
    snapshot = wizard._snapshot()
    try:
        client.submit("cars.csv", rows=20, parameters={"columns": {"price": "plate"}}).result()
    except DatagenError as error:
        refused = str(error)
    print(json.dumps({
        "kinds": {column.name: column.kind for column in found.columns},
        "bars": {column.name: len(column.bars) for column in found.columns},
        "preview": list(client.preview(job.configuration).columns),
        "known": sorted(made["plate"]),
        "drive": made["drive"].tolist(),
        "chosen": chosen["town"].tolist(),
        "report": {column.name: [column.kind, column.metric] for column in data.report.columns},
        "fidelity": min(column.score for column in data.report.columns),
        "privacy": [one.column for one in data.report.memorisation.disclosed],
        "offered": [one["label"] for one in snapshot["choices"]["columnKind"]],
        "problems": snapshot["problems"],
        "refused": refused,
    }))
"""


GROUP = "datagen_nb.column_kinds"


@pytest.fixture
def environment(tmp_path):
    """Where the package is installed."""
    made = Environment(tmp_path)
    made.install("own_kinds", MODULE, GROUP, plate="Plate", duration="Duration")
    return made


def test_a_kind_of_another_package_goes_through_everything(tmp_path, environment):
    """Inspected, previewed, fitted, made, reported on, offered by the wizard, or refused."""
    random = np.random.default_rng(2)
    minutes = random.integers(10, 400, 600)
    plates = {f"B-XY {number:04}" for number in range(600)}
    cars = pd.DataFrame(
        {
            "plate": sorted(plates),
            "drive": [f"{each // 60}h {each % 60:02}m" for each in minutes],
            "price": (minutes * 1.5).round(2),
            "town": random.choice(["Bath", "Leeds", "York"], 600),
        }
    )
    cars.to_csv(tmp_path / "cars.csv", index=False)

    done = environment.run_beside_a_service(SCRIPT)

    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    made = output.pop("known")
    assert len(set(made)) == 300
    assert not plates & set(made)
    lengths = [each.removesuffix("m").split("h ") for each in output.pop("drive")]
    lengths = [int(hours) * 60 + int(rest) for hours, rest in lengths]
    assert 10 <= min(lengths) < 60 < 350 < max(lengths) < 400
    assert all(each.startswith("B-") for each in output.pop("chosen"))
    assert output.pop("fidelity") > 0.8
    assert "'price' holds double and cannot be plate; it was found to be numeric" in output.pop(
        "refused"
    )
    assert output == {
        "kinds": {
            "plate": "plate",
            "drive": "duration",
            "price": "numeric",
            "town": "categorical",
        },
        "bars": {"plate": 0, "drive": 20, "price": 20, "town": 3},
        "preview": ["plate", "drive", "price", "town"],
        "report": {
            "plate": ["plate", "form"],
            "drive": ["duration", "KS complement"],
            "price": ["numeric", "KS complement"],
            "town": ["categorical", "TV complement"],
        },
        "privacy": [],
        "offered": [
            *("boolean", "categorical", "constant", "datetime", "id", "numeric", "text"),
            *("number plate", "duration"),
        ],
        "problems": [],
    }


def test_the_suite_of_kinds_can_be_run_by_anyone(tmp_path, environment):
    """With pytest and no plugin; it fails a kind that copies the input, or is not installed."""
    environment.install("broken_kinds", BROKEN, GROUP, copied="Copied")
    (tmp_path / "test_mine.py").write_text(SUITE)

    done = environment.run(
        *("-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:xdist", "-p", "no:cacheprovider"),
        *("-c", os.devnull, "--rootdir", ".", "test_mine.py"),
    )

    lines = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    failed = {tuple(line.split("::")[1:]) for line in lines}
    assert {suite for suite, _ in failed} == {"TestCopied", "TestMissing"}, done.stdout
    assert ("TestCopied", "test_no_value_comes_back_that_must_not") in failed
    assert ("TestCopied", "test_the_report_compares_made_columns") in failed
    assert ("TestCopied", "test_it_is_known_by_its_name") not in failed
    assert "Offer Missing under the entry point datagen_nb.column_kinds" in done.stdout
