-- The outbox: events for EVENT_WEBHOOK_URL, written with what they tell of, delivered at least once, in order per session.
CREATE TABLE outgoing_events (
  position        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id        uuid        NOT NULL UNIQUE,
  tenant          text        NOT NULL,
  session_id      uuid        NOT NULL,
  event           text        NOT NULL,
  occurred_at     timestamptz NOT NULL,
  data            jsonb       NOT NULL,
  status          text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'parked')),
  attempts        integer     NOT NULL DEFAULT 0,
  -- also the lease of whoever is sending it
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  last_error      text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  delivered_at    timestamptz
);
CREATE INDEX outgoing_events_due ON outgoing_events (next_attempt_at, position) WHERE status = 'pending';
CREATE INDEX outgoing_events_of_session ON outgoing_events (session_id, position) WHERE status = 'pending';
CREATE INDEX outgoing_events_delivered ON outgoing_events (delivered_at) WHERE status = 'delivered';
CREATE INDEX outgoing_events_parked ON outgoing_events (tenant, position) WHERE status = 'parked';
