/** Sessions told as lists of events, stored as the service stores them: their rows with their histories, and every event. */
import { randomUUID } from 'node:crypto';
import { symbolOf, trailOf } from '../../analytics/history.ts';
import { stageNumbers, tables, type EventRow, type SessionRow, type StageNumber } from '../../analytics/rows.ts';
import { migrateClickHouse } from '../../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import type { ToldEvent, ToldSession } from './plain-funnel.ts';

export interface ToldRow {
  readonly events: readonly ToldEvent[];
  readonly left: boolean;
  /** Its language. */
  readonly label: string;
  /** Without: its events alone tell. */
  readonly hasTrail?: boolean;
  /** Its stages are in its row too. */
  readonly stages?: boolean;
}

export interface Told {
  readonly db: TestClickHouse;
  /** The dictionary of all tenants here. */
  readonly numbers: ReadonlyMap<string, number>;
  /** In a new tenant, whose name it answers. */
  store(sessions: readonly ToldRow[]): Promise<string>;
  sessionsOf(tenant: string): readonly ToldSession[];
  close(): Promise<void>;
}

export async function openTold(): Promise<Told> {
  const db = await openTestClickHouse();
  await migrateClickHouse(db);
  const numbers = new Map<string, number>();
  const stored = new Map<string, readonly ToldSession[]>();
  return {
    db, numbers,
    store: async (sessions) => {
      const tenant = randomUUID();
      const all = sessions.map((session) => ({ ...session, session_id: randomUUID() }));
      for (const { key } of all.flatMap(({ events }) => events)) if (!numbers.has(key)) numbers.set(key, numbers.size);
      const symbols = new Map([...numbers].map(([key, number]) => [key, symbolOf(number)]));
      await db.insert(tables.sessions, all.map((session) => rowOf(tenant, session, symbols)));
      await db.insert(tables.events, all.flatMap((session) => eventsOf(tenant, session)));
      stored.set(tenant, all);
      return tenant;
    },
    sessionsOf: (tenant) => stored.get(tenant) ?? [],
    close: () => db.close(),
  };
}

type StoredSession = ToldRow & { readonly session_id: string };

function rowOf(tenant: string, told: StoredSession, symbols: ReadonlyMap<string, string>): SessionRow {
  const { session_id, events, left, label, hasTrail = true, stages = false } = told;
  const times = events.map(({ ms }) => ms);
  const started = Math.min(...times);
  const after = (key: string): number => Math.max((events.find((event) => event.key === key)?.ms ?? started) - started, 0);
  const reached = Object.entries(stageNumbers).filter(([name]) => events.some(({ key }) => key === name)).map(([, number]) => number);
  const stage: StageNumber = stages ? Math.max(...reached) as StageNumber : 0;
  return {
    tenant, session_id, version: 1, started_at: started, flow: 'clinic', flow_version: 1, language: label, segment: 'first_time',
      client: tenant,
    state: stage === 5 ? 'completed' : left ? 'cancelled' : 'in_progress', stage, engaged_ms: stages ? after('engaged') : 0,
    recommendations_generated_ms: stages ? after('recommendations_generated') : 0,
      approval_decision_ms: stages ? after('approval_decision') : 0,
    completed_ms: stages ? after('completed') : 0, abandoned_ms: 0, ended_ms: 0, last_question: '', answers: 0, repeats: 0, errors: 0,
    user_key: 'k', origin: 'workflow', device: 'unknown', closed_answers: {}, questions: [], question_ms: [], question_repeats: [],
    last_ms: Math.max(...times) - started, is_deleted: 0,
    ...(hasTrail ? trailOf(events.map(({ key, ms }) => ({ key, at: ms })), symbols) : { trail: '', trail_ms: [] }),
  };
}

function eventsOf(tenant: string, { session_id, events }: StoredSession): EventRow[] {
  return events.map(({ key, ms, properties }, index) => {
    const [name = '', question = ''] = key.split(':');
    return {
      tenant, session_id, session_started_at: Math.min(...events.map((event) => event.ms)), seq: index + 1, ts: ms, event: name, name,
      question_id: question, properties, origin: 'workflow', event_id: String(index + 1),
    };
  });
}
