/** Lists of sessions with their totals, among a million of one tenant: every filter that the contract has, found often and found rarely. */
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { listSessions, type SessionFilter, type SessionSort } from '../stores/postgres/sessions.ts';
import { startHost } from './host-process.ts';
import type { Context, Outcome } from './part.ts';
import { asked, p99Of, shownTimes, type Question, type Times } from './questions.ts';
import { vacuum } from './vacuum.ts';

const tenant = 'bench';
const [sessions, limit, warmUp, trials] = [Number(process.env['BENCH_SESSIONS'] ?? 1_000_000), 50, 5, 30];
const goal = { atMost: 20 };
const sorts: readonly SessionSort[] = ['started_at', 'last_activity_at'];

const filters: readonly [what: string, filter: Partial<SessionFilter>][] = [
  ['all', {}],
  ['state, half of them', { state: 'completed' }], ['state, one of 50,000', { state: 'error' }],
  ['stage, a third', { stage: 'engaged' }], ['stage, one of 50,000', { stage: 'approval_decision' }],
  ['flow, most', { flow: 'f' }], ['flow, one of 50,000', { flow: 'rare' }],
  ['flow and state, none', { flow: 'rare', state: 'error' }],
  ['stage and state, few', { stage: 'approval_decision', state: 'in_progress' }],
  ['owner', { owner: 'owner-7' }], ['by name', { named: 'owner-7' }],
];

export async function run({ folder, say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  say('starting the service ...');
  const host = await startHost(folder, {});
  const db = openDatabase({ url: host.databaseUrl, timeoutMs: 600_000, connections: 2 });
  try {
    say(`writing ${sessions} sessions ...`);
    await fill(db);
    await vacuum(host.databaseUrl, 'sessions');
    const questions = sorts.flatMap((sort) => filters.map(([what, filter]): Question => ({
      name: `${what}, by ${sort}`, goal,
      ask: () => listSessions(
        db, { tenant, owner: null, state: null, stage: null, flow: null, named: null, ...filter }, sort, { limit, after: null },
      ),
    })));
    say(`${questions.length} lists, ${trials} times each, in random order, seed ${seed} ...`);
    return outcome(await asked(questions, { warmUp, trials }, seed), seed);
  } finally {
    await db.close();
    await host.stop();
  }
}

/** Over half a year; ten sessions a person. */
async function fill(db: Database): Promise<void> {
  for (let from = 1; from <= sessions; from += 100_000) {
    await db.asSystem().query(
      `INSERT INTO sessions (session_id, tenant, owner, flow_id, flow_version, language, segment, state, created_at, ended_at, claim_token,
         claim_expires_at, confirmed, revision, last_activity_at, view)
       SELECT id, $1::text, 'owner-' || n % 100000, flow, 1, 'en', 'first_time', state, began,
         CASE WHEN state <> 'in_progress' THEN began END, id, now(), true, 9, began + interval '1 hour',
         jsonb_build_object('session_id', id, 'owner', 'owner-' || n % 100000, 'flow', jsonb_build_object('id', flow, 'version', 1),
           'state', state, 'stage', stage, 'correlation_id', 'c-' || n, 'progress_percent', 20, 'question', NULL, 'answers_count', 5,
           'last_activity_at', extract(epoch FROM began)::bigint * 1000 + 3600000)
       FROM (SELECT n, gen_random_uuid() AS id, now() - random() * interval '180 days' AS began,
               CASE WHEN n % 50000 = 0 THEN 'error' WHEN n % 2 = 0 THEN 'completed' WHEN n % 10 = 1 AND n <= 100000 THEN 'in_progress'
                 ELSE 'cancelled' END
                 AS state,
               CASE WHEN n % 50000 = 1 THEN 'approval_decision' WHEN n % 3 = 0 THEN 'engaged' WHEN n % 2 = 0 THEN 'completed'
                 ELSE 'started' END AS stage,
               CASE WHEN n % 50000 = 3 THEN 'rare' ELSE 'f' END AS flow
             FROM generate_series($2::int, $3::int) AS n) AS made`,
      [tenant, from, from + 99_999],
    );
  }
}

function outcome(times: Times, seed: number): Outcome {
  return {
    title: `Lists among ${sessions} sessions of one tenant`,
    notes: [
      `A page of ${limit} with its total (exact up to 10,000), as the service asks PostgreSQL: two statements side by side.`,
      `One list at a time, ${trials} times each in random order.`,
    ],
    ...shownTimes(times),
    details: { seed, sessions, trials, p99_ms: p99Of(times) },
  };
}
