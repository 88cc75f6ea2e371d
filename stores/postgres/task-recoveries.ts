/**
 * Counts tasks that succeeded after a failed attempt, and writes the counts to PostgreSQL now and then. A count that is lost
 * with its process costs a share its last digit, so nothing more is done for it than to wait while PostgreSQL is away.
 */
import { isTenantName, type Database } from './database.ts';

export interface Recovery { readonly tenant: string; readonly task_name: string; readonly at: number }

interface Counted { readonly tenant: string; readonly task_name: string; readonly hour: number; recovered: number }

const hourMs = 3_600_000;
const flushMs = 2_000;
/** Tenants, tasks and hours that wait. */
const waitingMax = 5_000;
const keptDays = 62;

export class RecoveryLog {
  private readonly db: Database;
  private waiting = new Map<string, Counted>();
  private readonly timer: NodeJS.Timeout;
  private forgotten = 0;

  constructor(db: Database) {
    this.db = db;
    this.timer = setInterval(() => { void this.flush(); }, flushMs);
    this.timer.unref();
  }

  record({ tenant, task_name: name, at }: Recovery): void {
    if (!isTenantName(tenant)) return;
    this.add({ tenant, task_name: name, hour: Math.floor(at / hourMs) * hourMs, recovered: 1 });
  }

  private add(counted: Counted): void {
    const key = `${counted.tenant}\n${counted.task_name}\n${counted.hour}`;
    const known = this.waiting.get(key);
    if (known !== undefined) known.recovered += counted.recovered;
    else if (this.waiting.size < waitingMax) this.waiting.set(key, { ...counted });
  }

  /** Never rejects. */
  async flush(): Promise<void> {
    const rows = [...this.waiting.values()].toSorted((a, b) => (a.tenant + a.task_name < b.tenant + b.task_name ? -1 : 1));
    if (rows.length === 0) return;
    this.waiting = new Map();
    try {
      await this.db.asSystem().query(
        `INSERT INTO task_recoveries AS known (tenant, task_name, hour, recovered)
         SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[])
         ON CONFLICT (tenant, hour, task_name) DO UPDATE SET recovered = known.recovered + excluded.recovered`,
        [
          rows.map((row) => row.tenant), rows.map((row) => row.task_name), rows.map((row) => new Date(row.hour)),
          rows.map((row) => row.recovered),
        ],
      );
      await this.forget();
    } catch {
      for (const row of rows) this.add(row);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  private async forget(): Promise<void> {
    if (performance.now() - this.forgotten < hourMs && this.forgotten > 0) return;
    this.forgotten = performance.now();
    await this.db.asSystem().query('DELETE FROM task_recoveries WHERE hour < now() - make_interval(days => $1)', [keptDays]);
  }
}
