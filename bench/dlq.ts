/**
 * The dead letter queue with 100,000 tasks in it: lists and stats over HTTP, as an operator asks for them, with everything a
 * request goes through (authentication, limits, the entry in the audit log).
 */
import { randomBytes } from 'node:crypto';
import { writeCursor } from '../api/cursor.ts';
import { developmentToken } from '../scripts/development-token.ts';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { readConfiguration } from '../service/environment.ts';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { startHost } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Goal, Outcome } from './part.ts';
import { blocks, median, percentile, range, rounded, seeded, shuffled } from './statistics.ts';
import { numberText } from './table.ts';
import { vacuum } from './vacuum.ts';

const tenant = 'bench';
const [tasks, openTasks, days] = [100_000, 1_000, 90];
/** Of what is sealed in a row: the input of a proposal and ten attempts. */
const sealedBytes = 2_000;
const [warmUp, trials, trialBlocks] = [20, 200, 5];
const [listGoal, statsGoal]: readonly [Goal, Goal] = [{ atMost: 20 }, { atMost: 50 }];

/** An operator asks less often than a bench does. */
const unhurried = { GANGWAY_API_PER_MINUTE_ADMIN: '100000000' };

interface Question { readonly name: string; readonly path: string; readonly goal: Goal | null; readonly least: number }

export async function run({ folder, say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  say('starting the service ...');
  const host = await startHost(folder, unhurried);
  const http = new HttpClient(host.url);
  const db = openDatabase({ url: host.databaseUrl, timeoutMs: 120_000, connections: 1 });
  try {
    say(`writing ${tasks} tasks, ${openTasks} of them open ...`);
    await fillTasks(db, tasks, openTasks);
    await vacuum(host.databaseUrl, 'tasks');
    const questions = await questionsOf(db);
    const token = await developmentToken(
      { tenant, sub: 'dee', roles: ['admin'], ttlSeconds: 3_600 }, await developmentKey(folder), readConfiguration({}),
    );
    say(`${questions.length} questions, ${trials} times each, in random order, seed ${seed} ...`);
    return outcome(questions, await asked(http, token, questions, seed), seed);
  } finally {
    await db.close();
    http.close();
    await host.stop();
  }
}

/** Evenly over the days; what is open is the newest of each hundred. */
export async function fillTasks(db: Database, count: number, open: number): Promise<void> {
  await db.asSystem().query(
    `INSERT INTO tasks (task_id, tenant, revision, task_name, status, category, severity, exception_type, exception_message, fingerprint,
       attempts, manual_retries,
                        correlation_id, session_id, parked_at, updated_at, ended_at, sealed)
     SELECT gen_random_uuid(), $1, 2, (ARRAY['applyChangeset', 'proposeRecommendations', 'deliverEvent', 'flushSession'])[1 + n % 4],
            CASE WHEN n % ($2 / $3) = 0 THEN 'parked' WHEN n % 2 = 0 THEN 'completed' ELSE 'discarded' END, (ARRAY['network', 'llm_api',
              'database', 'external_api', 'validation'])[1 + n % 5],
            'medium', 'Error' || n % 20, 'HTTP 503 of the change target', 'fingerprint-' || n % 200, 4, n % 3,
            gen_random_uuid()::text, gen_random_uuid(),
            parked.at, parked.at, CASE WHEN n % ($2 / $3) = 0 THEN NULL ELSE parked.at + random() * interval '1 day' END,
            substring($6::bytea FROM 1 + (n * 37) % $4 FOR $4)
     FROM generate_series(1, $2) AS n CROSS JOIN LATERAL (SELECT now() - n * make_interval(days => $5) / $2 AS at) AS parked`,
    [tenant, count, open, sealedBytes, days, randomBytes(2 * sealedBytes)],
  );
}

async function questionsOf(db: Database): Promise<readonly Question[]> {
  const deep = async (condition: string, offset: number): Promise<string> => {
    const [row] = await db.asTenant(tenant).query<{ at: string; id: string }>(
      `SELECT parked_at::text AS at, task_id AS id FROM tasks WHERE tenant = $1 AND ${condition} ORDER BY parked_at DESC, task_id DESC ` +
      `OFFSET $2 LIMIT 1`,
      [tenant, offset],
    );
    return writeCursor(row ?? null) ?? '';
  };
  const list = (name: string, query: string, least = 100): Question => ({
    name: `list: ${name}`, path: `/tasks/?limit=100${query}`, goal: listGoal, least,
  });
  return [
    list('open, newest first', ''), list('open, oldest first', '&sort=oldest'), list('open, one task name', '&task_name=applyChangeset'),
    list('open, the last page', `&cursor=${await deep("status IN ('parked', 'retrying')", openTasks - 101)}`),
    list('discarded', '&status=discarded'), list('discarded, one category, oldest first', '&status=discarded&category=network&sort=oldest'),
    list('discarded, one fingerprint', '&status=discarded&fingerprint=fingerprint-33'),
    list('discarded, 40,000 rows in', `&status=discarded&cursor=${await deep("status = 'discarded'", 40_000)}`),
    { name: 'stats of a day', path: '/stats/', goal: statsGoal, least: tasks / days * 0.9 },
    { name: `stats of all ${days} days`, path: `/stats/?time_range_hours=${(days + 1) * 24}`, goal: statsGoal, least: tasks },
    { name: 'groups', path: '/groups/?limit=100', goal: null, least: 1 },
  ];
}

/** Milliseconds of each question. An answer that holds too little ends the bench. */
async function asked(
  http: HttpClient, token: string, questions: readonly Question[], seed: number,
): Promise<ReadonlyMap<Question, readonly number[]>> {
  const random = seeded(seed);
  const times = new Map<Question, number[]>(questions.map((question) => [question, []]));
  for (let trial = 0; trial < warmUp + trials; trial += 1) {
    for (const question of shuffled(questions, random)) {
      const began = performance.now();
      const { status, body } = await http.get(`/api/v1/onboarding/admin/dlq${question.path}`, { authorization: `Bearer ${token}` });
      const ms = performance.now() - began;
      const { results, total_tasks: total = 0 } = body as { results?: unknown[]; total_tasks?: number };
      if (status !== 200 || (results?.length ?? total) < question.least) {
        throw new Error(`${question.name}: ${status}, ${results?.length ?? total} found`);
      }
      if (trial >= warmUp) times.get(question)?.push(ms);
    }
  }
  return times;
}

function outcome(questions: readonly Question[], times: ReadonlyMap<Question, readonly number[]>, seed: number): Outcome {
  const of = (question: Question): readonly number[] => times.get(question) ?? [];
  return {
    title: `The dead letter queue with ${tasks} tasks, ${openTasks} of them open`,
    notes: [
      `One tenant, tasks evenly over ${days} days, ${sealedBytes} sealed bytes each. Questions over HTTP, one at a time, ${trials} times ` +
      `each in random order; with`,
      'authentication, limits and the entry in the audit log, which is written before the answer is sent. Pages of 100 rows, each with ' +
      'the total.',
    ],
    tables: [
      {
        head: ['', 'p50', 'p99'],
        rows: questions.map((question) => [
          question.name, `${numberText(median(of(question)))} ms`, `${numberText(percentile(of(question), 0.99))} ms`,
        ]),
      },
    ],
    figures: questions.map((question) => ({
      name: question.name, value: median(of(question)), range: range(blocks(of(question), trialBlocks).map(median)), unit: 'ms',
      goal: question.goal,
    })),
    details: {
      seed, tasks, open: openTasks, days, trials,
      p99_ms: Object.fromEntries(questions.map((question) => [question.name, rounded(percentile(of(question), 0.99))])),
    },
  };
}
