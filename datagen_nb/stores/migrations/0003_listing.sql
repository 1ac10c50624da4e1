-- What lists are sorted, searched and counted by, in one narrow index: a list of a hundred thousand
-- jobs is read from it alone, and the jobs of its one page after that.

ALTER TABLE jobs ADD COLUMN name TEXT AS (lower(json_extract(status, '$.name')));
ALTER TABLE jobs ADD COLUMN rows INTEGER AS (json_extract(status, '$.dataSize'));
ALTER TABLE jobs ADD COLUMN took REAL AS (json_extract(status, '$.metadata.processingTime'));
ALTER TABLE jobs ADD COLUMN made INTEGER AS (json_extract(status, '$.metadata.outputSize'));
ALTER TABLE jobs ADD COLUMN words TEXT AS (lower(
    json_extract(status, '$.name') || char(10) || json_extract(status, '$.tags') || char(10)
    || coalesce(json_extract(status, '$.note'), '') || char(10) || job_id
));

CREATE INDEX jobs_listing ON jobs (customer, job_id, state, created, ended, name, rows, took, made, words);
