-- A channel of alerts and a change target are named where they are configured: a new one needs no migration.
ALTER TABLE alert_messages DROP CONSTRAINT IF EXISTS alert_messages_channel_check;
ALTER TABLE changesets DROP CONSTRAINT IF EXISTS changesets_applied_to_check;
