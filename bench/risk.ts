/** Sessions at risk among a million open ones of one tenant: the list, the total, and the whole answer over HTTP. */
import { leastScore, riskLevels, standingScores, type RiskLevel } from '../domain/abandonment-risk.ts';
import { developmentToken } from '../scripts/development-token.ts';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { readConfiguration } from '../service/environment.ts';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { atRiskList, atRiskTotal, type Query } from '../stores/postgres/sessions-at-risk.ts';
import { startHost } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Goal, Outcome } from './part.ts';
import { asked, p99Of, shownTimes, type Question, type Times } from './questions.ts';
import { vacuum } from './vacuum.ts';

const tenant = 'bench';
const [sessions, limit] = [1_000_000, 50];
const [warmUp, trials] = [5, 50];
const [listGoal, totalGoal]: readonly [Goal, Goal] = [{ atMost: 30 }, { atMost: 100 }];

export async function run({ folder, say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  say('starting the service ...');
  const host = await startHost(folder, { GANGWAY_API_PER_MINUTE_ADMIN: '100000000' });
  const http = new HttpClient(host.url);
  const db = openDatabase({ url: host.databaseUrl, timeoutMs: 600_000, connections: 1 });
  try {
    say(`writing ${sessions} open sessions ...`);
    await fill(db);
    await vacuum(host.databaseUrl, 'sessions');
    const token = await developmentToken(
      { tenant, sub: 'dee', roles: ['admin'], ttlSeconds: 3_600 }, await developmentKey(folder), readConfiguration({}),
    );
    const questions = riskLevels.flatMap((level) => questionsOf(level, db, http, token));
    say(`${questions.length} questions, ${trials} times each, in random order, seed ${seed} ...`);
    const times = await asked(questions, { warmUp, trials }, seed);
    return outcome(times, seed);
  } finally {
    await db.close();
    http.close();
    await host.stop();
  }
}

/** One of a hundred was active within the last ten minutes, the others over half a year. Half of them stand at 0. */
async function fill(db: Database): Promise<void> {
  for (let from = 1; from <= sessions; from += 100_000) {
    await db.asSystem().query(
      `INSERT INTO sessions (session_id, tenant, owner, flow_id, flow_version, language, segment, state, created_at, claim_token,
         claim_expires_at, confirmed, revision, standing_risk, last_activity_at, view)
       SELECT id, $1::text, 'owner-' || n, 'f', 1, 'en', 'first_time', 'in_progress', active - interval '1 hour', id, now(), true, 9,
         standing, active, jsonb_build_object('session_id', id, 'tenant', $1::text, 'owner', 'owner-' || n,
           'flow', '{"id": "f", "version": 1}'::jsonb,
           'language', 'en', 'state', 'in_progress', 'stage', 'engaged', 'progress_percent', 20, 'question', '{"id": "q"}'::jsonb,
           'answers_count', 5, 'checkpoint_version', 4, 'created_at', extract(epoch FROM active)::bigint * 1000 - 3600000,
           'last_activity_at', extract(epoch FROM active)::bigint * 1000, 'ended_at', NULL, 'waits_for', NULL, 'version', 6, 'revision', 9,
           'counters', '{"asked_most": 2, "asked": 16, "refusals": 2}'::jsonb)
       FROM (SELECT n, gen_random_uuid() AS id, CASE WHEN n % 2 = 0 THEN 0 ELSE ($4::int[])[1 + n % $5] END AS standing,
               now() - CASE WHEN n % 100 = 1 THEN random() * interval '10 minutes' ELSE random() * interval '180 days' END AS active
             FROM generate_series($2::int, $3::int) AS n) AS made`,
      [tenant, from, from + 99_999, standingScores, standingScores.length],
    );
  }
}

function statement({ sql, params }: Query): [string, readonly unknown[]] { return [sql, params]; }

function questionsOf(level: RiskLevel, db: Database, http: HttpClient, token: string): Question[] {
  const least = leastScore[level];
  const scope = db.asTenant(tenant);
  return [
    {
      name: `list, from ${level}`, goal: listGoal,
      ask: () => scope.query(...statement(atRiskList({ tenant, least, limit, now: Date.now() }))),
    },
    {
      name: `total, from ${level}`, goal: totalGoal,
      ask: () => scope.query(...statement(atRiskTotal({ tenant, least, now: Date.now() }))),
    },
    {
      name: `answer over HTTP, from ${level}`, goal: null,
      ask: async () => {
        const path = `/api/v1/onboarding/admin/at-risk-sessions/?risk_level=${level}&limit=${limit}`;
        const { status, body } = await http.get(path, { authorization: `Bearer ${token}` });
        const { sessions: found = [] } = body as { sessions?: unknown[] };
        if (status !== 200 || found.length !== limit) throw new Error(`${level}: ${status}, ${found.length} found`);
      },
    },
  ];
}

function outcome(times: Times, seed: number): Outcome {
  return {
    title: `Sessions at risk among ${sessions} open ones of one tenant`,
    notes: [
      `Rows without a snapshot. List (${limit} rows) and total (counted up to 10,000, as of every list) as the service asks PostgreSQL,`,
      'and the answer with both,',
      `through authentication, limits and the entry in the audit log; one at a time, ${trials} times each in random order.`,
    ],
    ...shownTimes(times),
    details: { seed, sessions, trials, p99_ms: p99Of(times) },
  };
}
