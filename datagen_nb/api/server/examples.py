"""Examples for the API's description, by the model that each is one of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

EXAMPLES: Mapping[str, dict[str, Any]] = {
    "JobConfiguration": {
        "dataSize": 100_000,
        "inputFormat": "csv",
        "outputFormat": "parquet",
        "inputPath": f"inputs/{_DIGEST}.csv",
        "parameters": {"seed": 1},
        "name": "customers",
    },
    "JobStatus": {
        "jobId": "j_0qzk3v8f1m2n4p5r",
        "status": "running",
        "progress": 42.5,
        "startTime": "2026-11-23T09:30:00.125Z",
        "lastUpdated": "2026-11-23T09:30:07.250Z",
        "createdTime": "2026-11-23T09:29:59.875Z",
        "stages": [
            {"name": "fit", "status": "completed", "weight": 0.2},
            {"name": "generate", "status": "running", "progress": 50.0, "weight": 0.8},
        ],
        "metadata": {"inputSize": 1_048_576, "retryCount": 0},
        "name": "customers",
        "dataSize": 100_000,
        "rowsDone": 40_000,
        "attempt": 1,
    },
    "UploadRequest": {"digest": _DIGEST, "format": "csv", "size": 1_048_577},
    "Upload": {"uploadId": f"{_DIGEST}.csv", "size": 1_048_577, "offset": 1_048_576},
    "Annotation": {"tags": ["nightly"], "note": "The one that goes to the review."},
    "NamedJobs": {"jobIds": ["j_0qzk3v8f1m2n4p5r"]},
    "ManyJobs": {"jobIds": ["j_0qzk3v8f1m2n4p5r"]},
    "RetentionChoice": {"days": 30},
    "QueueChoice": {"maxWaiting": 0},
    "Health": {"status": "healthy"},
    "JobEvent": {
        "cursor": 17,
        "event": "job.updated",
        "jobId": "j_0qzk3v8f1m2n4p5r",
        "timestamp": "2026-11-23T09:30:07.250Z",
        "data": {
            "jobId": "j_0qzk3v8f1m2n4p5r",
            "status": "queued",
            "startTime": "2026-11-23T09:29:59.875Z",
            "lastUpdated": "2026-11-23T09:29:59.875Z",
            "createdTime": "2026-11-23T09:29:59.875Z",
            "stages": [],
            "dataSize": 100_000,
        },
    },
}
