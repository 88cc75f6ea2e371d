import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sessionFile } from '../../api/session-file.ts';
import { migrateClickHouse } from '../../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { anySession, dayMs, rowOf } from '../../test/support/plain-sessions.ts';
import { funnel } from './funnel.ts';
import { stageNumbers, tables, type SessionRow } from '../rows.ts';
import { sessionsIn } from '../sessions-in.ts';
import { sessionColumns } from './session-table.ts';
import { stages } from '../../domain/lifecycle.ts';

const now = Date.UTC(2026, 10, 25, 12);
const startMs = now - 30 * dayMs;
let db: TestClickHouse;
const files: string[] = [];
beforeAll(async () => {
  db = await openTestClickHouse();
  await migrateClickHouse(db);
});
afterAll(async () => {
  await db.close();
  await Promise.all(files.map((file) => rm(file, { force: true })));
});

async function bytesOf(tenant: string, format: 'csv' | 'parquet', selection = {}): Promise<Buffer> {
  const { from, params } = sessionsIn({ tenant, startMs, endMs: now }, now, selection);
  const { bytes } = await sessionFile(db, { tenant, selection: { sql: `SELECT session_id FROM ${from}`, params } }, format, 'GET');
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function fromParquet(tenant: string): Promise<Record<string, unknown>[]> {
  const path = join(tmpdir(), `gangway-test-${randomUUID()}.parquet`);
  files.push(path);
  await writeFile(path, await bytesOf(tenant, 'parquet'));
  const isTime = (name: string): boolean => name.endsWith('_at');
  const columns = sessionColumns.map((name) => (isTime(name) ? `toUnixTimestamp64Milli(${name}) AS ${name}` : name));
  const [types] = await db.query<{ types: string[] }>({
    sql: `SELECT groupUniqArray(toTypeName(completed_at)) AS types FROM file('${path}', 'Parquet')`, params: {},
  });
  // a time in Parquet that is not adjusted to UTC would have no zone
  if (types !== undefined && types.types.length > 0) expect(types.types).toEqual(["Nullable(DateTime64(3, 'UTC'))"]);
  return db.query({ sql: `SELECT ${columns.join(', ')} FROM file('${path}', 'Parquet')`, params: {} });
}

async function fromCsv(tenant: string): Promise<Record<string, unknown>[]> {
  const [head = '', ...lines] = (await bytesOf(tenant, 'csv')).toString('utf8').split('\r\n').slice(0, -1);
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, at) => {
    const name = head.split(',')[at] ?? '';
    if (cell === '') return [name, name === 'last_question' ? '' : null];
    if (name.endsWith('_at')) {
      expect(cell).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      return [name, Date.parse(cell)];
    }
    return [name, /^\d+$/.test(cell) ? Number(cell) : cell];
  })));
}

function plain(row: SessionRow): Record<string, unknown> {
  const { started_at: started } = row;
  const reached = (stage: keyof typeof stageNumbers, ms: number): number | null => (row.stage >= stageNumbers[stage] ? started + ms : null);
  return {
    session_id: row.session_id, started_at: started, engaged_at: reached('engaged', row.engaged_ms),
    recommendations_generated_at: reached('recommendations_generated', row.recommendations_generated_ms),
    approval_decision_at: reached('approval_decision', row.approval_decision_ms), completed_at: reached('completed', row.completed_ms),
    ended_at: ['completed', 'cancelled', 'error'].includes(row.state) ? started + row.ended_ms : null,
    abandoned_at: row.abandoned_ms > 0 ? started + row.abandoned_ms : null, flow: row.flow, flow_version: row.flow_version,
    language: row.language, user_segment: row.segment, device: row.device, state: row.state, stage: stages[row.stage - 1],
    last_question: '', answers: 0, repeats: 0, errors: 0, origin: 'workflow',
  };
}

test('CSV and Parquet hold every session that is asked for, each as it is stored, the oldest first', async () => {
  await fc.assert(fc.asyncProperty(fc.array(anySession(startMs - dayMs, now + dayMs), { minLength: 1, maxLength: 30 }),
    async (sessions) => {
    const tenant = randomUUID();
    const rows = sessions.map((session) => rowOf(tenant, session));
    await db.insert(tables.sessions, rows);
    const expected = rows.filter(({ started_at: at }) => at >= startMs && at < now).map(plain);
    const byId = (all: readonly Record<string, unknown>[]) => all.toSorted(
      (a, b) => (String(a['session_id']) < String(b['session_id']) ? -1 : 1));
    const [csv, parquet] = [await fromCsv(tenant), await fromParquet(tenant)];
    expect(byId(csv)).toEqual(byId(expected));
    expect(parquet).toEqual(csv);
    const starts = csv.map((row) => Number(row['started_at']));
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  }), { numRuns: 12 });
});

test('The file behind a number has as many rows as the number says, and nobody else\'s', async () => {
  const [tenant, other] = [randomUUID(), randomUUID()];
  const sessions = fc.sample(anySession(startMs, now), { numRuns: 300, seed: 7 });
  await db.insert(tables.sessions, sessions.map((session, at) => rowOf(at % 3 === 0 ? other : tenant, session)));
  const report = await funnel(db, { tenant, startMs, endMs: now }, now);
  for (const stage of report.stages) {
    for (const [selection, count] of [
      [{ stage: stage.name }, stage.count], [{ stage: stage.name, outcome: 'dropped' }, stage.dropped],
      [{ stage: stage.name, outcome: 'still_open' }, stage.still_open],
    ] as const) {
      if (stage.name === 'completed' && 'outcome' in selection) continue;
      expect((await bytesOf(tenant, 'csv', selection)).toString('utf8').split('\r\n')).toHaveLength(count + 2);
    }
  }
});

test('There is no owner and no answer in it', () => {
  expect(sessionColumns).not.toEqual(expect.arrayContaining(['user_key']));
  expect(sessionColumns.filter((name) => /owner|user_key|client|closed|trail/.test(name))).toEqual([]);
});
