-- Whose file it is, told by its name in the store.
CREATE UNIQUE INDEX uploads_by_object ON uploads (object_id);
-- Of sessions that ended long ago: it was looked whether an answer names it, and one does.
ALTER TABLE uploads ADD COLUMN kept boolean NOT NULL DEFAULT false;
CREATE INDEX uploads_unlooked ON uploads (created_at, upload_id) WHERE status IN ('quarantined', 'clean', 'rejected') AND NOT kept;
