"""A model in a file: what it makes, what it shows, and how a bad file is refused."""

import hashlib
import struct
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import datagen_nb as dg
from datagen_nb.core.errors import ArgumentError, InputError
from datagen_nb.synth import packing
from datagen_nb.synth.fitting import fit
from datagen_nb.tables.forms import with_types

ROWS = 300


@pytest.fixture(scope="module")
def fitted():
    random = np.random.default_rng(1)
    price = random.integers(1, 50, ROWS)
    table = pa.table(
        {
            "price": price,
            "double": price * 2,
            "size": pa.array(random.choice(["s", "m", "l"], ROWS)).dictionary_encode(),
        }
    )
    table = table.cast(with_types(table))
    return fit(table, seed=3)


@pytest.fixture
def path(fitted, tmp_path):
    path = tmp_path / "prices.model"
    path.write_bytes(fitted.to_bytes())
    return path


def test_a_model_makes_rows_without_a_service(path):
    """As many as are asked for, in the table's columns and types."""
    model = dg.load_model(str(path))

    frame = model.sample(50)

    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == (50, 3)
    assert list(frame) == model.columns == model.schema.names == ["price", "double", "size"]
    assert isinstance(frame["size"].dtype, pd.CategoricalDtype)
    assert (frame["double"] == 2 * frame["price"]).all()
    assert model.sample_arrow(50).schema.equals(model.schema)


def test_the_same_seed_makes_the_same_rows(path):
    """By default that of the job; another one others."""
    model = dg.load_model(path)

    assert model.sample(40).equals(model.sample(40, seed=model.seed))
    assert not model.sample(40).equals(model.sample(40, seed=4))
    assert model.sample(40, seed=4).equals(dg.load_model(path).sample(40, seed=4))


def test_a_sample_may_have_several_parts(path, monkeypatch):
    """Their rows follow one another, each part as a job makes it."""
    monkeypatch.setattr("datagen_nb.pipelines.engine.workspace.PART_ROWS", 30)
    model = dg.load_model(path)

    assert len(model.sample(100)) == 100
    assert model.sample(100)[:60].equals(model.sample(60))


def test_a_model_shows_what_was_fitted(path):
    """Rows, columns with their kinds, relations, warnings; as text and in a notebook."""
    model = dg.load_model(path)

    assert model.rows_fitted == ROWS
    assert model.kinds == {"price": "numeric", "double": "numeric", "size": "categorical"}
    assert repr(model) == "<Model 3 columns, fitted to 300 rows>"
    [relation] = model.relations
    shown = model._repr_html_()
    assert "double" in relation
    for word in ("price", "categorical", relation, *model.warnings):
        assert word in shown


@pytest.mark.parametrize("rows", [0, -1, 1.5, True, 10**11])
def test_a_number_of_rows_that_cannot_be_made_is_refused(path, rows):
    """With what it has to be."""
    with pytest.raises(ArgumentError, match="rows = "):
        dg.load_model(path).sample(rows)


def test_a_seed_that_is_none_is_refused(path):
    """Rather than ignored."""
    with pytest.raises(ArgumentError, match="seed = -1"):
        dg.load_model(path).sample(1, seed=-1)


def resealed(data):
    """The same bytes under a digest that is true."""
    start = len(packing.MAGIC) + 32
    return packing.MAGIC + hashlib.sha256(data[start:]).digest() + data[start:]


def test_a_file_that_is_cut_or_changed_is_refused(path):
    """Truncated anywhere, or with a byte of another value."""
    data = path.read_bytes()
    for place in range(0, len(data), len(data) // 20):
        path.write_bytes(data[:place])
        with pytest.raises(InputError) as raised:
            dg.load_model(path)
        assert raised.value.code == "model_damaged"
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(InputError) as raised:
            dg.load_model(path)
        assert raised.value.code == "model_damaged"


def test_a_file_that_was_changed_with_care_makes_rows_or_a_typed_error(path):
    """Also under a true digest: whatever a byte becomes, nothing else is raised."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data, len(packing.MAGIC) + 32)
    start = len(packing.MAGIC) + 40
    random = np.random.default_rng(5)
    codes = []
    for place in [
        *random.integers(start, start + length, 60),
        *random.integers(start + length, len(data), 60),
    ]:
        path.write_bytes(resealed(data[:place] + bytes([data[place] ^ 0x11]) + data[place + 1 :]))
        try:
            dg.load_model(path).sample_arrow(100)
        except InputError as error:
            codes.append(error.code)
    assert len(codes) > 20
    assert set(codes) <= {"model_damaged", "model_other_version"}


def test_parts_of_a_model_that_do_not_fit_together_are_refused(path, fitted):
    """Before a card is shown or a row is made."""
    for changes in ({"stages": ()}, {"kinds": 5}, {"relations": "none"}, {"seed": -1}):
        path.write_bytes(replace(fitted, **changes).to_bytes())
        with pytest.raises(InputError) as raised:
            dg.load_model(path)
        assert raised.value.code == "model_damaged"


def test_a_file_of_another_version_is_named(path, monkeypatch):
    """With the version that can load it."""
    data = path.read_bytes()
    monkeypatch.setattr(packing, "FORMAT", packing.FORMAT + 1)
    monkeypatch.setattr(packing, "__version__", "99.1")

    with pytest.raises(InputError, match=dg.__version__) as raised:
        dg.load_model(path)

    assert data == path.read_bytes()
    assert raised.value.code == "model_other_version"


@pytest.mark.parametrize("value", [{"no": "model"}, None, (1, 2)])
def test_what_was_kept_and_is_no_model_is_refused(path, value):
    """As a profile is."""
    path.write_bytes(packing.to_bytes(value))
    with pytest.raises(InputError) as raised:
        dg.load_model(path)
    assert raised.value.code == "model_damaged"


def test_a_file_that_is_not_there_is_reported(tmp_path):
    """As any input; so is a folder."""
    with pytest.raises(InputError) as raised:
        dg.load_model(tmp_path / "none.model")
    assert raised.value.code == "input_not_found"
    with pytest.raises(InputError) as raised:
        dg.load_model(tmp_path)
    assert raised.value.code == "input_not_a_file"


def test_a_file_that_is_too_large_is_not_read(path, monkeypatch):
    """Beyond what a model has."""
    monkeypatch.setattr("datagen_nb.client.loaded_model.MAX_BYTES", 100)
    with pytest.raises(InputError) as raised:
        dg.load_model(path)
    assert raised.value.code == "model_damaged"
