"""The examples of the protocol of pipelines are what the reference server answers."""

from tests.golden.pipeline_examples import PIPELINE_PAGE, pipeline_page


def test_the_examples_are_those_that_are_kept():
    """`python -m tests.golden` keeps them."""
    assert PIPELINE_PAGE.read_text() == pipeline_page()
