/**
 * Sessions of a year for the bench of reports, made inside ClickHouse: rows with their histories, and the events that the
 * histories are of. A session answers up to eight questions, with refusals between, and goes on through the stages.
 */
import { keyOf, later, symbolOf } from '../analytics/history.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';

export interface Population {
  readonly tenant: string;
  readonly sessions: number;
  /** Client events of so many names, up to six a session, at random places: hardly two histories are alike. */
  readonly clientNames: number;
  /** Rows of each session, which no merge has brought together yet. */
  readonly versions: number;
}

export const questions = 8;
export const yearStart = Date.UTC(2025, 10, 1);
export const yearEnd = Date.UTC(2026, 10, 1);
const about = (event: string) => Array.from({ length: questions }, (_, at) => keyOf({ event, question_id: `q${at + 1}`, properties: {} }));
const fixed = [
  'session_started', 'started', 'checkpoint_created', 'engaged', 'state_changed', 'recommendations_generated', 'approval_decision',
  'completed',
];
const clientNames = Array.from({ length: 40 }, (_, at) => `client_${at + 1}`);
const keys = [...fixed, ...about('question_shown'), ...about('question_answered'), ...about('answer_refused'), ...clientNames];

/** Key → its number, as the tenant's dictionary has it. */
export const symbolNumbers: ReadonlyMap<string, number> = new Map(keys.map((key, number) => [key, number]));

const char = (key: string): string => `'${symbolOf(symbolNumbers.get(key) ?? 0)}'`;
/** The character of question `i` (SQL, from 1) among those of `event`. */
const charOf = (event: string, i: string): string => `[${about(event).map(char).join(', ')}][${i}]`;

/** `count` sessions from number `from` on, one row each. */
function sessionsSelect({ tenant, clientNames: names }: Population, from: number, count: number, version: number): string {
  const random = (salt: string): string => `cityHash64(n, ${salt})`;
  const refused = `bitTest(${random('1')}, i)`;
  const foreign = names === 0 ? "''" : `arrayStringConcat(arrayMap(j -> concat(
      [${clientNames.slice(0, names).map(char).join(', ')}][1 + ${random('i, j, 9')} % ${names}], '${later}'),
      range(${random('i, 8')} % 3)))`;
  return `
    WITH number + ${from} AS n,
      least(${random('2')} % 12, ${questions}) AS answered,
      if(answered < ${questions}, if(answered = 0, 1, 2), 2 + ${random('3')} % 4) AS reached,
      concat(${[char('session_started'), char('started'), char('checkpoint_created'), charOf('question_shown', '1')].join(', ')},
        arrayStringConcat(arrayMap(i -> concat('${later}', ${foreign},
          if(${refused}, concat(${charOf('answer_refused', 'i')}, '${later}'), ''),
          ${charOf('question_answered', 'i')}, if(i = 1, concat(${char('engaged')}, ${char('checkpoint_created')}), ''),
          if(i < ${questions}, ${charOf('question_shown', 'i + 1')}, ${char('state_changed')})), range(1, toUInt8(answered) + 1))),
        if(reached >= 3, concat('${later}', ${char('recommendations_generated')}, ${char('checkpoint_created')}), ''),
        if(reached >= 4, concat('${later}', ${char('approval_decision')}), ''),
        if(reached >= 5, concat('${later}', ${char('completed')}, ${char('state_changed')}), '')) AS history,
      toUInt64(${yearStart} + ${random('4')} % ${yearEnd - yearStart}) AS start,
      arrayMap(t -> start + t, arrayCumSum(arrayMap(i -> if(i = 0, 0, 1 + ${random('i, 5')} % 120000),
        range(countSubstrings(history, '${later}') + 1)))) AS times
    SELECT '${tenant}' AS tenant, UUIDNumToString(reinterpretAsFixedString(toUInt128(n))) AS session_id, ${version} AS version,
      fromUnixTimestamp64Milli(toInt64(start)) AS started_at,
      ['setup', 'survey', 'audit'][1 + ${random('6')} % 3] AS flow, 1 AS flow_version,
      ['en', 'hi'][1 + ${random('7')} % 2] AS language, if(n % 5 = 0, 'returning', 'first_time') AS segment, '${tenant}' AS client,
      multiIf(reached = 5, 'completed', ${random('10')} % 4 = 0, 'in_progress', 'cancelled') AS state, reached AS stage,
      if(reached >= 2, times[2] - start, 0) AS engaged_ms,
      if(reached >= 3, times[length(times) - (reached - 3)] - start, 0) AS recommendations_generated_ms,
      if(reached >= 4, times[length(times) - (reached - 4)] - start, 0) AS approval_decision_ms,
      if(reached >= 5, times[length(times)] - start, 0) AS completed_ms, 0 AS abandoned_ms, times[length(times)] - start AS ended_ms,
      if(answered < ${questions}, concat('q', toString(answered + 1)), '') AS last_question, answered AS answers, 0 AS repeats, 0 AS errors,
      toString(n) AS user_key, 'workflow' AS origin, 0 AS is_deleted, ['phone', 'tablet', 'desktop'][1 + ${random('11')} % 3] AS device,
      map('kind', ['office', 'shop', 'plant'][1 + ${random('12')} % 3]) AS closed_answers, history AS trail, times AS trail_ms,
      arrayMap(i -> concat('q', toString(i)), range(1, least(toUInt8(answered) + 1, ${questions}) + 1)) AS questions,
      arrayMap(i -> if(i <= answered, toInt64(1 + ${random('i, 13')} % 120000), -1), range(1, length(questions) + 1)) AS question_ms,
      arrayMap(i -> toUInt16(${refused}), range(1, length(questions) + 1)) AS question_repeats, times[length(times)] - start AS last_ms
    FROM numbers(${count})`;
}

const columns = 'tenant, session_id, version, started_at, flow, flow_version, language, segment, client, state, stage, engaged_ms, '
  + 'recommendations_generated_ms, approval_decision_ms, completed_ms, abandoned_ms, ended_ms, last_question, answers, repeats, errors, '
  + 'user_key, origin, is_deleted, device, closed_answers, trail, trail_ms, questions, question_ms, question_repeats, last_ms';

/** At once as much as stays well within the memory that ClickHouse is given. */
const chunk = 250_000;

export async function fill(db: ClickHouse, population: Population, say: (line: string) => void): Promise<void> {
  if (population.versions > 1) await db.command('SYSTEM STOP MERGES sessions');
  for (let version = 1; version <= population.versions; version += 1) {
    for (let from = 0; from < population.sessions; from += chunk) {
      const count = Math.min(chunk, population.sessions - from);
      await db.command(`INSERT INTO sessions (${columns}) ${sessionsSelect(population, from, count, version)}
        SETTINGS max_partitions_per_insert_block = 20`);
      say(`${population.tenant}: ${from + count} of ${population.sessions} sessions, version ${version} of ${population.versions}`);
    }
  }
}

/** What is there becomes one part a month, in both tables alike: a year's rows are not written within minutes. */
export async function merge(db: ClickHouse): Promise<void> {
  for (const table of ['sessions', 'events']) await db.command(`OPTIMIZE TABLE ${table} FINAL`);
}

/** The events of the histories, for the rival that reads events. */
export async function fillEvents(db: ClickHouse, { tenant }: Population, say: (line: string) => void): Promise<void> {
  for (let month = 0; month < 12; month += 1) {
    const [from, until] = [new Date(Date.UTC(2025, 10 + month, 1)), new Date(Date.UTC(2025, 11 + month, 1))].map((day) =>
      day?.toISOString().slice(0, 10));
    await db.command(`
      INSERT INTO events (tenant, session_id, session_started_at, seq, ts, event, question_id, event_id, name)
      SELECT tenant, session_id, started_at, seq, fromUnixTimestamp64Milli(toInt64(at)),
        splitByChar(':', key)[1], splitByChar(':', key)[2], cityHash64(session_id, seq), splitByChar(':', key)[1]
      FROM (
        SELECT tenant, session_id, started_at, place AS seq, trail_ms[1 + countEqual(arraySlice(signs, 1, place), '${later}')] AS at,
          transform(sign, [${keys.map(char).join(', ')}], [${keys.map((key) => `'${key}'`).join(', ')}], '') AS key
        FROM (SELECT tenant, session_id, started_at, trail_ms, extractAll(toString(trail), '.') AS signs
          FROM sessions WHERE tenant = '${tenant}' AND started_at >= '${from} 00:00:00' AND started_at < '${until} 00:00:00')
        ARRAY JOIN signs AS sign, arrayEnumerate(signs) AS place WHERE sign != '${later}')
      SETTINGS max_partitions_per_insert_block = 20`);
    say(`${tenant}: events of ${month + 1} of 12 months`);
  }
}
