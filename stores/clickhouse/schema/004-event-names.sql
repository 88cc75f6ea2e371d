-- `name`: what a funnel's step names, by which stages of our own sessions and of imported ones are alike.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS name LowCardinality(String) DEFAULT event,
    ADD COLUMN IF NOT EXISTS origin LowCardinality(String) DEFAULT 'workflow'
