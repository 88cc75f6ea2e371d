/** Alerts: what is open in each tenant, which alerts stand, and what each channel was told of them. */
import type { Alert, AlertKind, OpenFingerprint, QueueFacts, TenantStuck } from '../../domain/alert.ts';
import type { ToldAlert } from '../../domain/alert-message.ts';
import type { Queries, Statement } from './database.ts';
import { isOpen } from './tasks.ts';

export interface TenantAlerts {
  readonly facts: QueueFacts;
  /** Standing alerts that can end. Known fingerprints are not among them: the facts hold unknown ones only. */
  readonly known: readonly { readonly kind: AlertKind; readonly key: string }[];
}

export interface FactsPage { readonly ageHours: number; readonly afterTenant: string; readonly limit: number }

/** New fingerprints taken of one tenant at a time; the next look takes the next. */
const fingerprintsMax = 100;

/**
 * Facts of all tenants with an open task or a standing alert, in the order of their names: one aggregate over the open tasks.
 * In the scope of the system.
 */
export function tenantAlertsStatement({ ageHours, afterTenant, limit }: FactsPage): Statement {
  return {
    sql: `WITH of_fingerprint AS (
        SELECT tenant, fingerprint, count(*) AS open, min(parked_at) AS first_seen, min(task_name) AS task_name, min(category) AS category,
          count(*) FILTER (WHERE parked_at < now() - make_interval(hours => $1::int)) AS too_long
        FROM tasks WHERE ${isOpen} AND tenant > $2 GROUP BY tenant, fingerprint),
      of_tenant AS (
        SELECT f.tenant, sum(f.open) AS open, sum(f.too_long) AS too_long, min(f.first_seen) AS oldest,
          (array_agg(jsonb_build_object('fingerprint', f.fingerprint, 'task_name', f.task_name, 'category', f.category, 'open', f.open,
            'first_seen', ${epochMs('f.first_seen')}) ORDER BY f.first_seen, f.fingerprint)
              FILTER (WHERE known.alert_id IS NULL))[1:${fingerprintsMax}] AS fingerprints
        FROM of_fingerprint AS f
        LEFT JOIN alerts AS known ON known.tenant = f.tenant AND known.kind = 'new_fingerprint' AND known.key = f.fingerprint
          AND known.resolved_at IS NULL
        GROUP BY f.tenant),
      known_alerts AS (
        SELECT tenant, jsonb_agg(jsonb_build_object('kind', kind, 'key', key)) AS alerts
        FROM alerts WHERE resolved_at IS NULL AND kind <> 'new_fingerprint' AND tenant > $2 GROUP BY tenant)
      SELECT tenant, ${epochMs('now()')}::float8 AS now, coalesce(open, 0)::int AS open, coalesce(too_long, 0)::int AS too_long,
        ${epochMs('oldest')}::float8 AS oldest, coalesce(to_jsonb(fingerprints), '[]') AS fingerprints, coalesce(known_alerts.alerts,
          '[]') AS known
      FROM of_tenant FULL JOIN known_alerts USING (tenant) ORDER BY tenant LIMIT $3`,
    params: [ageHours, afterTenant, limit],
  };
}

interface FactsRow {
  readonly tenant: string;
  readonly now: number;
  readonly open: number;
  readonly too_long: number;
  readonly oldest: number | null;
  readonly fingerprints: readonly OpenFingerprint[];
  readonly known: TenantAlerts['known'];
}

export async function tenantAlerts(db: Queries, page: FactsPage): Promise<TenantAlerts[]> {
  const { sql, params } = tenantAlertsStatement(page);
  const rows = await db.query<FactsRow>(sql, params);
  return rows.map(({ tenant, now, open, too_long, oldest, fingerprints, known }) => ({
    facts: { tenant, now, open, open_too_long: too_long, oldest_open_parked_at: oldest, fingerprints }, known,
  }));
}

/** Standing alerts of sessions that cannot move, one a tenant. */
export function standingStuck(tx: Queries): Promise<TenantStuck[]> {
  return tx.query(
    `SELECT tenant, (facts->>'stuck')::int AS stuck, facts->>'failure_type' AS failure_type
     FROM alerts WHERE kind = 'session_stuck' AND resolved_at IS NULL`,
  );
}

/** Whether the alert of the scanner of uploads stands. */
export async function isScannerBlind(tx: Queries): Promise<boolean> {
  return (await tx.query("SELECT FROM alerts WHERE kind = 'scanner_blind' AND resolved_at IS NULL")).length > 0;
}

const raising = 7_461_032;

/** Whether the caller looks for alerts until its transaction ends; false: somebody else does. */
export async function takeRaising(tx: Queries): Promise<boolean> {
  const [row] = await tx.query<{ taken: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS taken', [raising]);
  return row?.taken === true;
}

/** Keeps alerts that begin, with a message for each channel. Returns how many: one that stands already is passed over. */
export async function beginAlerts(tx: Queries, alerts: readonly Alert[], channels: readonly string[]): Promise<number> {
  if (alerts.length === 0) return 0;
  const rows = await tx.query(
    `WITH begun AS (
       INSERT INTO alerts (tenant, kind, key, raised_at, facts)
       SELECT alert.tenant, alert.kind, alert.key, now(), alert.facts FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])
         WITH ORDINALITY AS alert (tenant, kind, key, facts, nth)
       ORDER BY alert.nth ON CONFLICT (tenant, kind, key) WHERE resolved_at IS NULL DO NOTHING RETURNING alert_id, tenant),
     queued AS (
       INSERT INTO alert_messages (alert_id, tenant, channel, says)
       SELECT begun.alert_id, begun.tenant, channel.name, 'raised' FROM begun CROSS JOIN unnest($5::text[]) AS channel (name))
     SELECT alert_id FROM begun`,
    [...columnsOf(alerts), channels],
  );
  return rows.length;
}

/** Ends alerts, with a message for each channel that is told of their beginning. Returns how many stood. */
export async function endAlerts(tx: Queries, alerts: readonly Alert[]): Promise<number> {
  if (alerts.length === 0) return 0;
  const rows = await tx.query(
    `WITH ended AS (
       UPDATE alerts SET resolved_at = now(), resolved_facts = over.facts FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])
         AS over (tenant, kind, key, facts)
       WHERE alerts.tenant = over.tenant AND alerts.kind = over.kind AND alerts.key = over.key AND alerts.resolved_at IS NULL
         RETURNING alerts.alert_id, alerts.tenant),
     queued AS (
       INSERT INTO alert_messages (alert_id, tenant, channel, says)
       SELECT ended.alert_id, ended.tenant, begun.channel, 'recovered' FROM ended JOIN alert_messages AS begun
         ON begun.alert_id = ended.alert_id AND begun.says = 'raised'
       ON CONFLICT (alert_id, channel, says) DO NOTHING)
     SELECT alert_id FROM ended`,
    columnsOf(alerts),
  );
  return rows.length;
}

export type ClaimedMessage = ToldAlert & {
  readonly position: string;
  readonly alert_id: string;
  /** Tries begun, this one included. */
  readonly attempts: number;
};

/**
 * The next due message of a channel; null: none. It is the caller's for `leaseMs`; after that somebody else may send it. An end
 * is told only where the beginning was.
 */
export async function claimMessage(db: Queries, channel: string, leaseMs: number): Promise<ClaimedMessage | null> {
  const [row] = await db.query<ClaimedMessage>(
    `WITH due AS MATERIALIZED (
       SELECT position FROM alert_messages AS message WHERE channel = $1 AND status = 'pending' AND next_attempt_at <= now()
         AND (says = 'raised' OR EXISTS (
         SELECT FROM alert_messages AS begun WHERE begun.alert_id = message.alert_id AND begun.channel = $1 AND begun.says = 'raised'
           AND begun.status = 'told'))
       ORDER BY next_attempt_at, position LIMIT 1 FOR UPDATE OF message SKIP LOCKED)
     UPDATE alert_messages AS message SET next_attempt_at = now() + make_interval(secs => $2), attempts = attempts + 1
     FROM due, alerts AS alert WHERE message.position = due.position AND alert.alert_id = message.alert_id
     RETURNING message.position, message.alert_id, message.says, message.attempts, alert.tenant, alert.kind,
       CASE message.says WHEN 'raised' THEN alert.facts ELSE coalesce(alert.resolved_facts, alert.facts) END AS facts,
       ${epochMs('alert.raised_at')}::float8 AS raised_at, ${epochMs('alert.resolved_at')}::float8 AS resolved_at`,
    [channel, leaseMs / 1_000],
  );
  return row ?? null;
}

/** Takes back what would only be noise: beginnings of alerts that are over, and ends of those that the channel never heard of. */
export async function withdrawMessages(db: Queries, channel: string): Promise<void> {
  await db.query(
    `UPDATE alert_messages AS message SET status = 'withdrawn' FROM alerts AS alert
     WHERE alert.alert_id = message.alert_id AND alert.resolved_at IS NOT NULL AND message.channel = $1 AND message.status = 'pending'
       AND message.next_attempt_at <= now()
       AND (message.says = 'raised' OR EXISTS (
         SELECT FROM alert_messages AS begun WHERE begun.alert_id = message.alert_id AND begun.channel = $1 AND begun.says = 'raised'
           AND begun.status IN ('withdrawn', 'given_up')))`,
    [channel],
  );
}

export async function markTold(db: Queries, position: string): Promise<void> {
  await db.query("UPDATE alert_messages SET status = 'told', told_at = now(), last_error = NULL WHERE position = $1", [position]);
}

/** `retryInMs` null: no try is left. */
export async function markUntold(db: Queries, position: string, error: string, retryInMs: number | null): Promise<void> {
  await db.query(
    `UPDATE alert_messages SET last_error = $2, status = CASE WHEN $3::float8 IS NULL THEN 'given_up' ELSE status END,
       next_attempt_at = now() + make_interval(secs => coalesce($3::float8, 0)) WHERE position = $1 AND status = 'pending'`,
    [position, error, retryInMs === null ? null : retryInMs / 1_000],
  );
}

/** Gives a claimed message back untried. */
export async function releaseMessage(db: Queries, position: string): Promise<void> {
  await db.query(
    "UPDATE alert_messages SET next_attempt_at = now(), attempts = attempts - 1 WHERE position = $1 AND status = 'pending'", [position],
  );
}

/** Alerts that ended long ago go with their messages, a bounded number a time. Known fingerprints stay. */
export async function forgetAlerts(db: Queries, keepDays: number, limit = 1_000): Promise<void> {
  await db.query(
    `DELETE FROM alerts WHERE alert_id IN (
       SELECT alert_id FROM alerts WHERE resolved_at < now() - make_interval(days => $1) ORDER BY resolved_at LIMIT $2)`,
    [keepDays, limit],
  );
}

function columnsOf(alerts: readonly Alert[]): readonly (readonly string[])[] {
  return [
    alerts.map(({ tenant }) => tenant), alerts.map(({ kind }) => kind), alerts.map(({ key }) => key),
    alerts.map(({ facts }) => JSON.stringify(facts)),
  ];
}

function epochMs(time: string): string {
  return `floor(extract(epoch FROM ${time}) * 1000)`;
}
