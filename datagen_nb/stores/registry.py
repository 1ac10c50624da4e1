"""Stores by their address: which adapter a URI names."""

from __future__ import annotations

from pathlib import Path

from datagen_nb.core.cloud_paths import split_database
from datagen_nb.core.errors import HomeError
from datagen_nb.core.transfer import CopyableStore


async def open_store(address: str | None, file: Path) -> CopyableStore:
    """Open a store; close it afterwards.

    Args:
        address: ``firestore://project/database``; by default the SQLite file.
        file: The SQLite file, made if it does not exist.

    Raises:
        ArgumentError: It is no address of a store.
        CredentialsUnusable: There are no credentials for it.
        HomeError: It cannot be used, or takes a package that is not installed.
    """
    if address is None:
        from datagen_nb.stores.sqlite.store import SqliteStore

        return await SqliteStore.open(file)
    project, database = split_database(address)
    try:
        from datagen_nb.stores.firestore.store import FirestoreStore
    except ImportError as error:
        raise HomeError(
            f"The store {address} takes another package. Install it where the service runs: "
            "pip install 'datagen-nb[gcp]'.",
            details={"store": address},
        ) from error
    return await FirestoreStore.open(project, database)
