-- Only a job that had begun leaves a worker to stop: one that was cancelled while it had never run
-- begins no cooldown.

DROP TRIGGER jobs_cancelled_at_once;
DROP TRIGGER jobs_cancelled;

CREATE TRIGGER jobs_cancelled AFTER UPDATE OF state ON jobs
WHEN new.state = 'cancelled' AND old.state <> 'cancelled'
    AND json_extract(new.status, '$.attempt') > 0
BEGIN
    INSERT INTO standings VALUES (new.customer, 0, new.ended)
    ON CONFLICT DO UPDATE SET cancelled = max(coalesce(cancelled, ''), excluded.cancelled);
END;
