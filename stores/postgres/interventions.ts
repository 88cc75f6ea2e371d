/** Reminders as they are measured: one row a silence, with whether the person came back. */
import type { ReminderArm } from '../../domain/reminders.ts';
import type { Database, Queries } from './database.ts';

export interface ReminderNote {
  readonly session_id: string;
  readonly tenant: string;
  readonly silent_since: Date;
  readonly arm: ReminderArm;
  readonly at: Date;
}

export interface ReturnNote { readonly session_id: string; readonly silent_since: Date; readonly at: Date }

/** The first reminder of a silence is what its row is about; repeating it does no harm. */
export async function noteReminders(tx: Queries, reminders: readonly ReminderNote[], returns: readonly ReturnNote[]): Promise<void> {
  if (reminders.length > 0) {
    await tx.query(
      `INSERT INTO interventions (session_id, silent_since, tenant, arm, at)
       SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::timestamptz[]) ON CONFLICT DO NOTHING`,
      [
        reminders.map((each) => each.session_id), reminders.map((each) => each.silent_since), reminders.map((each) => each.tenant),
        reminders.map((each) => each.arm), reminders.map((each) => each.at),
      ],
    );
  }
  if (returns.length === 0) return;
  await tx.query(
    `UPDATE interventions AS known SET returned_at = came.at
     FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS came (session_id, silent_since, at)
     WHERE known.session_id = came.session_id AND known.silent_since = came.silent_since AND known.returned_at IS NULL`,
    [returns.map((each) => each.session_id), returns.map((each) => each.silent_since), returns.map((each) => each.at)],
  );
}

export interface ArmCount { readonly arm: ReminderArm; readonly reminded: number; readonly returned: number }

/** Of those that began in a period; returned: within so many days. */
export async function countInterventions(
  db: Database, tenant: string, period: { readonly start: Date; readonly end: Date }, withinDays: number,
): Promise<readonly ArmCount[]> {
  return db.asTenant(tenant).query<ArmCount & Record<string, unknown>>(
    `SELECT arm, count(*)::int AS reminded, count(*) FILTER (WHERE returned_at <= at + make_interval(days => $4))::int AS returned
     FROM interventions WHERE tenant = $1 AND at >= $2 AND at < $3 GROUP BY arm`,
    [tenant, period.start, period.end, withinDays],
  );
}
