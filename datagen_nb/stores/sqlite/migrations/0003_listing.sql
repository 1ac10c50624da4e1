-- What lists are sorted, searched and counted by, in one narrow index: a list of a hundred thousand
-- jobs is read from it alone, and the jobs of its one page after that.

ALTER TABLE jobs ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN rows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN took REAL;
ALTER TABLE jobs ADD COLUMN made INTEGER;
ALTER TABLE jobs ADD COLUMN words TEXT NOT NULL DEFAULT '';

UPDATE jobs SET
    name = lower(json_extract(status, '$.name')),
    rows = json_extract(status, '$.dataSize'),
    took = json_extract(status, '$.metadata.processingTime'),
    made = json_extract(status, '$.metadata.outputSize'),
    words = lower(json_extract(status, '$.name') || char(10) || json_extract(status, '$.tags'));

CREATE INDEX jobs_listing ON jobs (
    customer, job_id, state, created, ended, name, rows, took, made, words
);
