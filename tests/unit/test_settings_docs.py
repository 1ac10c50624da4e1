"""The table of settings is that of the class."""

from tests.golden.settings_page import SETTINGS_PAGE, settings_page


def test_the_table_has_each_setting_as_it_is():
    """`python -m tests.golden` keeps it."""
    assert SETTINGS_PAGE.read_text() == settings_page()
