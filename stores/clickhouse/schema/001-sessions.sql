-- One row per session and version; analytics/rows.ts explains the columns.
-- started_at is in the sort and partition key and never changes. Offsets are UInt64: UInt32 ends after 49.7 days.
CREATE TABLE IF NOT EXISTS sessions
(
    tenant LowCardinality(String),
    session_id UUID,
    version UInt64,
    started_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    flow LowCardinality(String),
    flow_version UInt32,
    language LowCardinality(String),
    segment LowCardinality(String),
    client LowCardinality(String),
    state LowCardinality(String),
    stage UInt8,
    engaged_ms UInt64 CODEC(T64, ZSTD(1)),
    recommendations_generated_ms UInt64 CODEC(T64, ZSTD(1)),
    approval_decision_ms UInt64 CODEC(T64, ZSTD(1)),
    completed_ms UInt64 CODEC(T64, ZSTD(1)),
    abandoned_ms UInt64 CODEC(T64, ZSTD(1)),
    ended_ms UInt64 CODEC(T64, ZSTD(1)),
    last_question LowCardinality(String),
    answers UInt32 CODEC(T64, ZSTD(1)),
    repeats UInt32 CODEC(T64, ZSTD(1)),
    errors UInt32 CODEC(T64, ZSTD(1)),
    user_key String CODEC(ZSTD(1)),
    origin LowCardinality(String),
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(started_at)
ORDER BY (tenant, toStartOfHour(started_at), session_id)
