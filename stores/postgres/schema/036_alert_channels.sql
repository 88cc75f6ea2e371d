-- A channel of alerts is named where it is configured: a new one needs no migration.
ALTER TABLE alert_messages DROP CONSTRAINT IF EXISTS alert_messages_channel_check;
