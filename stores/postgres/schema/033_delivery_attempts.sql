-- Every failed try of an event: {number, at (epoch ms), category, error, delay_seconds, worker}. An exhausted one takes them along into its parked task.
ALTER TABLE outgoing_events ADD COLUMN tried jsonb NOT NULL DEFAULT '[]';
