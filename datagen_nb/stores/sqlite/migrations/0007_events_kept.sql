-- A customer's log keeps its newest 20,000 events and the newest event of each job. What remained of
-- deleted jobs whose data is gone is removed: the log says that a job was deleted.

DELETE FROM documents WHERE kind = 'tombstone' AND due IS NULL;

DELETE FROM events
WHERE cursor <= (SELECT cursor - 20000 FROM usage WHERE usage.customer = events.customer)
    AND (event = 'job.deleted' OR cursor < (
        SELECT max(cursor) FROM events AS later
        WHERE later.customer = events.customer AND later.job_id = events.job_id
    ));
