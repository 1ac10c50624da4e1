-- What limits, retention and the documents need. ``size`` counts towards a customer's quota; the
-- triggers keep its sum, and the end of the newest cancellation, which a deletion does not undo, in
-- the transaction of whatever changes them.

ALTER TABLE jobs ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN ended TEXT;
UPDATE jobs SET ended = json_extract(status, '$.endTime');

CREATE INDEX jobs_by_end ON jobs (customer, ended) WHERE ended IS NOT NULL;
CREATE INDEX jobs_unsettled ON jobs (job_id) WHERE state IN ('cancelled', 'failed') AND size > 0;
CREATE INDEX events_by_job ON events (customer, job_id);

CREATE TABLE documents (
    customer TEXT NOT NULL,
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    version  INTEGER NOT NULL,
    due      TEXT,
    size     INTEGER NOT NULL DEFAULT 0,
    body     TEXT NOT NULL,
    PRIMARY KEY (customer, kind, id)
) WITHOUT ROWID;

CREATE INDEX documents_due ON documents (kind, due) WHERE due IS NOT NULL;

CREATE TABLE standings (
    customer  TEXT NOT NULL PRIMARY KEY,
    size      INTEGER NOT NULL,
    cancelled TEXT
) WITHOUT ROWID;

INSERT INTO standings
SELECT customer, 0, max(ended) FROM jobs WHERE state = 'cancelled' GROUP BY customer;

CREATE TRIGGER jobs_cancelled_at_once AFTER INSERT ON jobs WHEN new.state = 'cancelled' BEGIN
    INSERT INTO standings VALUES (new.customer, 0, new.ended)
    ON CONFLICT DO UPDATE SET cancelled = max(coalesce(cancelled, ''), excluded.cancelled);
END;
CREATE TRIGGER jobs_cancelled AFTER UPDATE OF state ON jobs
WHEN new.state = 'cancelled' AND old.state <> 'cancelled' BEGIN
    INSERT INTO standings VALUES (new.customer, 0, new.ended)
    ON CONFLICT DO UPDATE SET cancelled = max(coalesce(cancelled, ''), excluded.cancelled);
END;

CREATE TRIGGER jobs_size_added AFTER INSERT ON jobs WHEN new.size <> 0 BEGIN
    INSERT INTO standings VALUES (new.customer, new.size, NULL)
    ON CONFLICT DO UPDATE SET size = size + excluded.size;
END;
CREATE TRIGGER jobs_size_changed AFTER UPDATE OF size ON jobs WHEN new.size <> old.size BEGIN
    INSERT INTO standings VALUES (new.customer, new.size - old.size, NULL)
    ON CONFLICT DO UPDATE SET size = size + excluded.size;
END;
CREATE TRIGGER jobs_size_removed AFTER DELETE ON jobs WHEN old.size <> 0 BEGIN
    INSERT INTO standings VALUES (old.customer, -old.size, NULL)
    ON CONFLICT DO UPDATE SET size = size + excluded.size;
END;

CREATE TRIGGER documents_size_added AFTER INSERT ON documents WHEN new.size <> 0 BEGIN
    INSERT INTO standings VALUES (new.customer, new.size, NULL)
    ON CONFLICT DO UPDATE SET size = size + excluded.size;
END;
CREATE TRIGGER documents_size_changed AFTER UPDATE OF size ON documents
WHEN new.size <> old.size BEGIN
    INSERT INTO standings VALUES (new.customer, new.size - old.size, NULL)
    ON CONFLICT DO UPDATE SET size = size + excluded.size;
END;
CREATE TRIGGER documents_size_removed AFTER DELETE ON documents WHEN old.size <> 0 BEGIN
    INSERT INTO standings VALUES (old.customer, -old.size, NULL)
    ON CONFLICT DO UPDATE SET size = size + excluded.size;
END;
