-- Jobs, their events and their logs. Every key begins with the customer.

CREATE TABLE jobs (
    customer        TEXT NOT NULL,
    job_id          TEXT NOT NULL,
    version         INTEGER NOT NULL,
    state           TEXT NOT NULL,
    created         TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint     TEXT NOT NULL,
    status          TEXT NOT NULL,
    config          TEXT NOT NULL,
    PRIMARY KEY (customer, job_id),
    UNIQUE (customer, idempotency_key)
) WITHOUT ROWID;

CREATE INDEX jobs_by_customer_state ON jobs (customer, state, job_id);
CREATE INDEX jobs_by_state ON jobs (state, job_id);

CREATE TABLE events (
    customer TEXT NOT NULL,
    cursor   INTEGER NOT NULL,
    event    TEXT NOT NULL,
    job_id   TEXT NOT NULL,
    at       TEXT NOT NULL,
    status   TEXT NOT NULL,
    PRIMARY KEY (customer, cursor)
) WITHOUT ROWID;

CREATE TABLE logs (
    customer TEXT NOT NULL,
    job_id   TEXT NOT NULL,
    cursor   INTEGER NOT NULL,
    at       TEXT NOT NULL,
    level    TEXT NOT NULL,
    message  TEXT NOT NULL,
    PRIMARY KEY (customer, job_id, cursor)
) WITHOUT ROWID;
