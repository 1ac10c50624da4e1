-- Leases of jobs, and one row a customer with what admission and event readers need: counts, the
-- number of the newest event, and a position that grows with every change of any customer, by which
-- other processes find who has news. Triggers keep the counts in the transaction of each change.

ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN lease_until TEXT;
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE lease_until IS NOT NULL;

CREATE TABLE usage (
    customer  TEXT NOT NULL PRIMARY KEY,
    running   INTEGER NOT NULL DEFAULT 0,
    waiting   INTEGER NOT NULL DEFAULT 0,
    size      INTEGER NOT NULL DEFAULT 0,
    cancelled TEXT,
    cursor    INTEGER NOT NULL DEFAULT 0,
    changed   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX usage_changed ON usage (changed);

INSERT INTO usage (customer, size, cancelled) SELECT customer, size, cancelled FROM standings;
INSERT INTO usage (customer, running, waiting)
SELECT customer, sum(state = 'running'), sum(state = 'queued') FROM jobs GROUP BY customer
ON CONFLICT DO UPDATE SET running = excluded.running, waiting = excluded.waiting;
INSERT INTO usage (customer, cursor)
SELECT customer, max(cursor) FROM events GROUP BY customer
ON CONFLICT DO UPDATE SET cursor = excluded.cursor;

DROP TRIGGER jobs_cancelled;
DROP TRIGGER jobs_size_added;
DROP TRIGGER jobs_size_changed;
DROP TRIGGER jobs_size_removed;
DROP TRIGGER documents_size_added;
DROP TRIGGER documents_size_changed;
DROP TRIGGER documents_size_removed;
DROP TABLE standings;

CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN
    INSERT INTO usage (customer, running, waiting, size)
    VALUES (new.customer, new.state = 'running', new.state = 'queued', new.size)
    ON CONFLICT DO UPDATE SET
        running = running + excluded.running,
        waiting = waiting + excluded.waiting,
        size = size + excluded.size;
END;
-- Only a job that had begun leaves a worker to stop: no other cancellation begins a cooldown.
CREATE TRIGGER jobs_changed AFTER UPDATE OF state, size ON jobs
WHEN new.state <> old.state OR new.size <> old.size BEGIN
    UPDATE usage SET
        running = running + (new.state = 'running') - (old.state = 'running'),
        waiting = waiting + (new.state = 'queued') - (old.state = 'queued'),
        size = size + new.size - old.size,
        cancelled = CASE
            WHEN new.state = 'cancelled' AND old.state <> 'cancelled'
                AND json_extract(new.status, '$.attempt') > 0
            THEN max(coalesce(cancelled, ''), new.ended)
            ELSE cancelled
        END
    WHERE customer = new.customer;
END;
CREATE TRIGGER jobs_removed AFTER DELETE ON jobs BEGIN
    UPDATE usage SET
        running = running - (old.state = 'running'),
        waiting = waiting - (old.state = 'queued'),
        size = size - old.size
    WHERE customer = old.customer;
END;

CREATE TRIGGER documents_added AFTER INSERT ON documents WHEN new.size <> 0 BEGIN
    INSERT INTO usage (customer, size) VALUES (new.customer, new.size)
    ON CONFLICT DO UPDATE SET size = size + excluded.size;
END;
CREATE TRIGGER documents_changed AFTER UPDATE OF size ON documents
WHEN new.size <> old.size BEGIN
    UPDATE usage SET size = size + new.size - old.size WHERE customer = new.customer;
END;
CREATE TRIGGER documents_removed AFTER DELETE ON documents WHEN old.size <> 0 BEGIN
    UPDATE usage SET size = size - old.size WHERE customer = old.customer;
END;
