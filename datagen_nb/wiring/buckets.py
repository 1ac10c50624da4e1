"""Which buckets each customer of a service has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from datagen_nb.core.access import CUSTOMER_NAME, LOCAL_CUSTOMER, CustomerStorage
from datagen_nb.core.buckets import Bucket, Buckets
from datagen_nb.core.cloud_paths import SCHEME, is_bucket_name, is_cloud
from datagen_nb.core.places import DEFAULT_BUCKET, LOCAL_FILES

_CUSTOMER_NAME = re.compile(CUSTOMER_NAME)


def customers_buckets(
    root: Path, address: str | None, own: Mapping[str, CustomerStorage]
) -> Buckets:
    """Each customer's bucket: its own, a folder at the address, or one below the directory.

    Objects by ``gs://`` name has a customer with an account of its own, as far as that account
    goes; and the only user of a service, who has the files of this machine too.
    """
    from datagen_nb.buckets.gcs.access import GcsAccess
    from datagen_nb.buckets.gcs.bucket import GcsBucket
    from datagen_nb.buckets.local import LocalBucket, LocalFiles

    def find(customer: str, name: str) -> Bucket | None:
        storage = own.get(customer, CustomerStorage())
        access = GcsAccess(storage.service_account, storage.kms_key)
        if name == LOCAL_FILES and customer == LOCAL_CUSTOMER:
            return LocalFiles()
        if is_cloud(name) and (customer == LOCAL_CUSTOMER or storage.service_account):
            cloud_bucket = name.removeprefix(SCHEME)
            return GcsBucket(cloud_bucket, "", access) if is_bucket_name(cloud_bucket) else None
        if name != DEFAULT_BUCKET or _CUSTOMER_NAME.fullmatch(customer) is None:
            return None
        place = storage.bucket or (None if address is None else f"{address}/{customer}")
        if place is None:
            return LocalBucket(root / customer)
        bucket, _, folder = place.removeprefix(SCHEME).partition("/")
        return GcsBucket(bucket, f"{folder}/" if folder else "", access)

    return Buckets(find)
