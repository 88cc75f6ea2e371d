/**
 * What tells two copies of the same rows apart, day by day: how many there are, and a sum over all of them. The same is worked out here,
 * from rows as they are made, and by ClickHouse, from rows as they are stored. Integers only, so that both come to the same.
 */
import { createHash } from 'node:crypto';
import type { ClickHouse } from '../../stores/clickhouse/client.ts';
import type { EventRow, SessionRow } from '../rows.ts';

export interface DayTally { readonly rows: number; readonly sum: bigint }
/** By tenant and UTC day of the session's start: `tenant\n2026-11-29`. */
export type Tally = ReadonlyMap<string, DayTally>;

export class Counting {
  private readonly days = new Map<string, { rows: number; sum: bigint }>();

  get tally(): Tally { return this.days; }

  session(row: SessionRow): void {
    this.add(row.tenant, row.started_at, sessionText(row));
  }

  event(row: EventRow): void {
    this.add(row.tenant, row.session_started_at, eventText(row));
  }

  private add(tenant: string, at: number, text: string): void {
    const key = `${tenant}\n${new Date(at).toISOString().slice(0, 10)}`;
    const day = this.days.get(key) ?? { rows: 0, sum: 0n };
    day.rows += 1;
    day.sum += createHash('md5').update(text).digest().readBigInt64BE(0);
    this.days.set(key, day);
  }
}

function sessionText(row: SessionRow): string {
  return [
    row.session_id, row.version, row.started_at, row.stage, row.state, row.user_key, row.last_ms, row.answers, row.trail,
    row.trail_ms.join(','), row.device, Object.keys(row.closed_answers).length,
  ].join('|');
}

function eventText(row: EventRow): string {
  return [row.session_id, row.ts, row.event_id, row.name, Object.keys(row.properties).length].join('|');
}

const sessionSql = `concat_ws('|', toString(session_id), toString(version), toString(toUnixTimestamp64Milli(started_at)), toString(stage),
  state, user_key, toString(last_ms), toString(answers), trail, arrayStringConcat(arrayMap(ms -> toString(ms), trail_ms), ','), device,
  toString(length(closed_answers)))`;
const eventSql = `concat_ws('|', toString(session_id), toString(toUnixTimestamp64Milli(ts)), toString(event_id), name,
  toString(length(properties)))`;
const sumSql = (text: string): string => `toString(sum(toInt128(reinterpretAsInt64(reverse(substring(MD5(${text}), 1, 8))))))`;

/** Tables of our own by name: never one that a request names. */
export async function storedTally(clickhouse: ClickHouse, of: 'sessions' | 'events', table: string): Promise<Tally> {
  const [start, text] = of === 'sessions' ? ['started_at', sessionSql] : ['session_started_at', eventSql];
  const rows = await clickhouse.query<{ tenant: string; day: string; n: number; sum: string }>({
    sql: `SELECT tenant, toString(toDate(${start})) AS day, count() AS n, ${sumSql(text)} AS sum FROM ${table} FINAL GROUP BY tenant, day`,
    params: {},
  }, { maxSeconds: 60 });
  return new Map(rows.map(({ tenant, day, n, sum }) => [`${tenant}\n${day}`, { rows: n, sum: BigInt(sum) }]));
}

/** Days on which they differ. */
export function differences(expected: Tally, found: Tally): readonly string[] {
  return [...new Set([...expected.keys(), ...found.keys()])].filter((day) => {
    const [one, other] = [expected.get(day), found.get(day)];
    return one?.rows !== other?.rows || one?.sum !== other?.sum;
  }).sort();
}
