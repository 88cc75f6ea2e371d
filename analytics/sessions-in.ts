/** The one place that selects sessions for reports: every report counts the same ones, and only the tenant's own. */
import type { Parameter } from '../stores/clickhouse/client.ts';
import type { Segment } from './rows.ts';

/** Sessions of a tenant started in [startMs, endMs), epoch milliseconds. */
export interface SessionFilters {
  readonly tenant: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly flow?: string | undefined;
  readonly language?: string | undefined;
  readonly segment?: Segment | undefined;
}

export interface SessionSource {
  /** Text after FROM, with its WHERE. FINAL leaves the newest version of each session and no tombstone. */
  readonly from: string;
  readonly params: Readonly<Record<string, Parameter>>;
}

/** Tenant and start are the sort key, so they prune; flow, language and segment are read only from what is left. */
export function sessionsIn(filters: SessionFilters): SessionSource {
  const conditions = [
    'tenant = {tenant:String}',
    'started_at >= fromUnixTimestamp64Milli({start_ms:Int64})',
    'started_at < fromUnixTimestamp64Milli({end_ms:Int64})',
  ];
  const { tenant, startMs, endMs } = filters;
  const params: Record<string, Parameter> = { tenant, start_ms: startMs, end_ms: endMs };
  for (const name of ['flow', 'language', 'segment'] as const) {
    const value = filters[name];
    if (value === undefined) continue;
    conditions.push(`${name} = {${name}:String}`);
    params[name] = value;
  }
  return { from: `sessions FINAL\nWHERE ${conditions.join(' AND ')}`, params };
}
