-- Events of a job that a later one has overtaken keep their number and no status of their own. What
-- jobs that have ended left so far is reduced so, too.

CREATE INDEX events_whole ON events (customer, job_id, cursor) WHERE status <> '';

UPDATE events SET status = ''
WHERE event NOT IN ('job.created', 'job.paused', 'job.resumed', 'job.deleted') AND EXISTS (
    SELECT 1 FROM jobs
    WHERE jobs.customer = events.customer AND jobs.job_id = events.job_id AND jobs.ended IS NOT NULL
);
