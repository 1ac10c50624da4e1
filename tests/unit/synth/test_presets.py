"""A preset is settings: those of its name, unless a parameter says otherwise."""

import pytest

from datagen_nb.pipelines.built_in import PARAMETERS, fit_options, settings_of
from datagen_nb.synth.presets import PRESETS, Settings


def test_no_preset_is_balanced():
    """Which is what a fit does by itself."""
    assert settings_of({}) == PRESETS["balanced"] == Settings()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_taken_as_it_is(name):
    """And offered by its name."""
    assert settings_of({"preset": name}) == PRESETS[name]
    assert name in PARAMETERS["preset"]["enum"]


def test_a_parameter_comes_before_its_preset():
    """The rest of the preset stays."""
    parameters = {"preset": "fast", "sampleRows": 300, "minCount": 7}

    assert settings_of(parameters) == Settings(sample_rows=300, min_count=7, predict=False)
    assert fit_options(parameters).min_count == 7
    assert not fit_options(parameters).predict
