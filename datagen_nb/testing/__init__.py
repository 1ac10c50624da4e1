"""Tests for a pipeline, a kind of columns or a type of data of your own, as classes.

Import one in a test module, give it what it tests, and run pytest; nothing else is needed:

    from datagen_nb.testing import ColumnKindSuite, PipelineSuite

    class TestMyPipeline(PipelineSuite):
        async def make_pipeline(self):
            return MyPipeline()

    class TestMyKind(ColumnKindSuite):
        kind = MyKind()

        def make_column(self, random, rows):
            return pa.array(random.choice(["a", "b"], rows))

Our own are tested by the same classes.
"""

from datagen_nb.testing.column_kinds import ColumnKindSuite
from datagen_nb.testing.data_types import DataTypeSuite
from datagen_nb.testing.pipelines import PipelineSuite, manifest_of

__all__ = ["ColumnKindSuite", "DataTypeSuite", "PipelineSuite", "manifest_of"]
