"""As which account a bucket of Google Cloud Storage is used, and what encrypts it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GcsAccess:
    """How a bucket is used. It holds no secret: credentials are found where the program runs.

    Attributes:
        service_account: Email address of the account that is impersonated; by default requests
            are made by the account that the environment has credentials of.
        kms_key: The Cloud KMS key that new objects are encrypted with, as
            ``projects/…/locations/…/keyRings/…/cryptoKeys/…``; by default the bucket's own.
    """

    service_account: str | None = None
    kms_key: str | None = None
