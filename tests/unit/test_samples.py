"""The tables that come with the package."""

import pytest

import datagen_nb as dg


def test_a_sample_is_a_frame_wherever_the_kernel_stands(tmp_path, monkeypatch):
    """No file of the checkout has to be near."""
    monkeypatch.chdir(tmp_path)
    frame = dg.sample_data("diamonds")
    assert frame.shape == (53_940, 10)
    assert list(frame.select_dtypes("number")) == [
        "carat", "depth", "table", "price", "x", "y", "z",
    ]  # fmt: skip


def test_an_unknown_sample_lists_those_there_are():
    """A wrong guess is answered by the right names."""
    with pytest.raises(dg.errors.NotFound, match=r"'iris'.*'diamonds'"):
        dg.sample_data("iris")
