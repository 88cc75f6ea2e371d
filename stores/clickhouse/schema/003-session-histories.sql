-- What analytics/history.ts and domain/closed-answers.ts explain. Times of `trail_ms` are epoch milliseconds, one for each group.
ALTER TABLE sessions
    ADD COLUMN IF NOT EXISTS device LowCardinality(String) DEFAULT 'unknown',
    ADD COLUMN IF NOT EXISTS closed_answers Map(LowCardinality(String), LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS trail LowCardinality(String),
    ADD COLUMN IF NOT EXISTS trail_ms Array(UInt64) CODEC(Delta(8), ZSTD(1)),
    ADD COLUMN IF NOT EXISTS questions Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS question_ms Array(Int64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS question_repeats Array(UInt16) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS last_ms UInt64 CODEC(T64, ZSTD(1))
