"""A chart of a view, in the language that Altair writes; Altair itself is not needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datagen_nb.tables.view.chart import Counts, specification

VEGA_LITE = "application/vnd.vegalite.v5+json"


class Chart:
    """Counts of rows as a chart; JupyterLab draws it where it is displayed.

    Attributes:
        spec: Its Vega-Lite specification; ``altair.Chart.from_dict(chart.spec)`` takes it.

    Example:
        ```python
        chart = viewer.chart("price", "cut")
        chart.spec["data"]["values"]
        ```
    """

    def __init__(self, counts: Counts, names: Sequence[str]) -> None:
        self._columns = [axis.column for axis in (counts.x, counts.y) if axis is not None]
        self.spec: Mapping[str, Any] = specification(counts, names)

    def __repr__(self) -> str:
        return f"<Chart of {' and '.join(self._columns)}>"

    def _repr_mimebundle_(self, **_options: Any) -> Mapping[str, Any]:
        return {"text/plain": repr(self), VEGA_LITE: self.spec}
