"""Real tables that come with the package, to try things on."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from datagen_nb.core.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd

SAMPLES = ("diamonds",)


def sample_data(name: str) -> pd.DataFrame:
    """Load a real table that comes with the package.

    ``diamonds`` is the price, the cut, the colour and the measures of 53,940 diamonds: 3 columns
    of words and 7 of numbers.

    Args:
        name: Of the table: ``diamonds``.

    Raises:
        NotFound: There is no such table; the message lists those there are.

    Example:
        ```python
        real = dg.sample_data("diamonds")
        job = client.submit(real, rows=100_000)
        ```
    """
    import pandas as pd

    return pd.read_parquet(sample_path(name))


def sample_path(name: str) -> Path:
    """The file of a sample, in the installed package or in a checkout.

    Raises:
        NotFound: There is no such table.
    """
    if name not in SAMPLES:
        known = ", ".join(repr(one) for one in SAMPLES)
        raise NotFound(
            f"There is no sample data {name!r}. There is {known}.", details={"name": name}
        )
    installed = Path(str(resources.files("datagen_nb") / "demo" / f"{name}.parquet"))
    checkout = Path(__file__).parents[2] / "notebooks" / "data" / f"{name}.parquet"
    return installed if installed.is_file() else checkout
