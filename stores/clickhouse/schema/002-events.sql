-- Sorted and partitioned by the start of the session, so that one session lies in one partition and FINAL stays true.
-- Kept 400 days (the longest report) from when they were stored, not from when they happened: imports bring old events.
CREATE TABLE IF NOT EXISTS events
(
    tenant LowCardinality(String),
    session_id UUID,
    session_started_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    seq UInt32 CODEC(T64, ZSTD(1)),
    ts DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event LowCardinality(String),
    question_id LowCardinality(String),
    properties Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    event_id UInt64,
    stored_at DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(session_started_at)
ORDER BY (tenant, toStartOfHour(session_started_at), session_id, ts, event_id)
TTL stored_at + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1
