-- Tasks that failed and then succeeded by themselves, by the hour: what the dead letter queue never saw.
CREATE TABLE task_recoveries (
  tenant    text        NOT NULL,
  task_name text        NOT NULL,
  hour      timestamptz NOT NULL,
  recovered bigint      NOT NULL,
  PRIMARY KEY (tenant, hour, task_name)
);
CREATE INDEX task_recoveries_by_age ON task_recoveries (hour);
