"""1,000 jobs that do nothing, in Huey and in DBOS over SQLite; prints the seconds they take.

Run by the Python of an environment that has them, which is not this project's: ``python peers.py
huey-durable|huey-default|dbos DIRECTORY``. Four workers each.
"""

import sys
import threading
import time
from pathlib import Path

JOBS = 1000
WORKERS = 4


def with_huey(place: Path, *, durable: bool) -> float:
    from huey import SqliteHuey

    huey = SqliteHuey(filename=str(place / "huey.db"), fsync=durable)

    @huey.task()
    def nothing(number):
        return number

    consumer = huey.create_consumer(workers=WORKERS, worker_type="thread", initial_delay=0.01)
    consumer.start()
    start = time.perf_counter()
    results = [nothing(number) for number in range(JOBS)]
    for result in results:
        result.get(blocking=True, backoff=1.0, max_delay=0.005)
    seconds = time.perf_counter() - start
    consumer.stop(graceful=True)
    return seconds


def with_dbos(place: Path) -> float:
    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{place}/dbos.sqlite"})
    left = threading.Semaphore(0)

    @DBOS.workflow()
    def nothing(number: int) -> int:
        left.release()
        return number

    DBOS.launch()
    DBOS.register_queue("jobs", worker_concurrency=WORKERS, polling_interval_sec=0.01)
    start = time.perf_counter()
    handles = [DBOS.enqueue_workflow("jobs", nothing, number) for number in range(JOBS)]
    for _ in handles:
        left.acquire()
    handles[-1].get_result()
    seconds = time.perf_counter() - start
    DBOS.destroy()
    return seconds


if __name__ == "__main__":
    name, place = sys.argv[1], Path(sys.argv[2])
    if name == "dbos":
        print(with_dbos(place))
    else:
        print(with_huey(place, durable=name == "huey-durable"))
