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
import { asked, p99Of, shownTimes, type Times } from './questions.ts';
import { vacuum } from './vacuum.ts';

const tenant = 'bench';
const [tasks, openTasks, days] = [100_000, 1_000, 90];
/** Of what is sealed in a row: the input of a proposal and ten attempts. */
const sealedBytes = 2_000;
const [warmUp, trials] = [20, 200];
const [listGoal, statsGoal]: readonly [Goal, Goal] = [{ atMost: 20 }, { atMost: 50 }];

/** An operator asks less often than a bench does. */
const unhurried = { GANGWAY_API_PER_MINUTE_ADMIN: '100000000' };

interface Place { readonly name: string; readonly path: string; readonly goal: Goal | null; readonly least: number }

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
    const places = await placesOf(db);
    const token = await developmentToken(
      { tenant, sub: 'dee', roles: ['admin'], ttlSeconds: 3_600 }, await developmentKey(folder), readConfiguration({}),
    );
    say(`${places.length} questions, ${trials} times each, in random order, seed ${seed} ...`);
    const questions = places.map((place) => ({ ...place, ask: () => ask(http, token, place) }));
    return outcome(await asked(questions, { warmUp, trials }, seed), seed);
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

async function placesOf(db: Database): Promise<readonly Place[]> {
  const deep = async (condition: string, offset: number): Promise<string> => {
    const [row] = await db.asTenant(tenant).query<{ at: string; id: string }>(
      `SELECT parked_at::text AS at, task_id AS id FROM tasks WHERE tenant = $1 AND ${condition} ORDER BY parked_at DESC, task_id DESC ` +
      `OFFSET $2 LIMIT 1`,
      [tenant, offset],
    );
    return writeCursor(row ?? null) ?? '';
  };
  const list = (name: string, query: string, least = 100): Place => ({
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

/** An answer that holds too little ends the bench. */
async function ask(http: HttpClient, token: string, { name, path, least }: Place): Promise<void> {
  const { status, body } = await http.get(`/api/v1/onboarding/admin/dlq${path}`, { authorization: `Bearer ${token}` });
  const { results, total_tasks: total = 0 } = body as { results?: unknown[]; total_tasks?: number };
  if (status !== 200 || (results?.length ?? total) < least) throw new Error(`${name}: ${status}, ${results?.length ?? total} found`);
}

function outcome(times: Times, seed: number): Outcome {
  return {
    title: `The dead letter queue with ${tasks} tasks, ${openTasks} of them open`,
    notes: [
      `One tenant, tasks evenly over ${days} days, ${sealedBytes} sealed bytes each. Questions over HTTP, one at a time, ${trials} times ` +
      `each in random order; with`,
      'authentication, limits and the entry in the audit log, which is written before the answer is sent. Pages of 100 rows, each with ' +
      'the total.',
    ],
    ...shownTimes(times),
    details: { seed, tasks, open: openTasks, days, trials, p99_ms: p99Of(times) },
  };
}
