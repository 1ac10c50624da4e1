"""Settings that cannot be are refused at the start, by the variable that an operator wrote."""

import pytest

from datagen_nb.cli.main import main
from datagen_nb.core.errors import ConfigurationError
from datagen_nb.service.settings import Settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATAGEN_SLOTS", "many"),
        ("DATAGEN_RETENTION_DAYS", "0"),
        ("DATAGEN_WEBHOOK_PORTS", "80"),
        ("DATAGEN_STORE", "mongodb://jobs"),
        ("DATAGEN_PIPELINE", "pipeline.example.org"),
    ],
)
def test_a_value_that_cannot_be_is_named_by_its_variable(monkeypatch, variable, value):
    """In one error of ours, without an address of pydantic's."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError) as caught:
        Settings()

    assert [problem.field for problem in caught.value.problems] == [variable]
    assert value in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_what_is_no_json_is_refused_with_the_form_of_a_list(monkeypatch):
    """Several values are a JSON list."""
    monkeypatch.setenv("DATAGEN_WEBHOOK_PORTS", "[443")

    with pytest.raises(ConfigurationError, match=r"webhook_ports.*\[443, 8443\]"):
        Settings()


def test_a_service_with_a_wrong_setting_does_not_start(monkeypatch, tmp_path, capsys):
    """It says so in lines, not by a traceback."""
    monkeypatch.setenv("DATAGEN_SLOTS", "many")

    status = main(["serve", "--home", str(tmp_path / "home"), "--listen", "127.0.0.1:0"])

    output = capsys.readouterr().err
    assert status == 1
    assert "DATAGEN_SLOTS = 'many'" in output
    assert "Traceback" not in output
