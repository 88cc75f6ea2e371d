-- Silences that were reminded of, or for people who are held out would have been, and whether the person came back: what a reminder is
-- worth. silent_since: the last activity before.
CREATE TABLE interventions (
  session_id   uuid        NOT NULL,
  silent_since timestamptz NOT NULL,
  tenant       text        NOT NULL,
  arm          text        NOT NULL CHECK (arm IN ('sent', 'held_out')),
  at           timestamptz NOT NULL,
  returned_at  timestamptz,
  PRIMARY KEY (session_id, silent_since)
);
CREATE INDEX interventions_by_time ON interventions (tenant, at) INCLUDE (arm, returned_at);
-- Reminders that wait to be sent, so that those which must not be sent any more are found.
CREATE INDEX outgoing_events_reminders ON outgoing_events (session_id) WHERE event = 'session.reminder_due' AND status <> 'delivered';
