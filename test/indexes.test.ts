/** No query without an index it was checked against: plans over many rows, so that a scan would be the planner's choice if it had to. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { databaseOf, storesOf } from './support/instance-stores.ts';
import { newTenant } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import type { Database } from '../stores/postgres/database.ts';
import { atRiskList, atRiskTotal } from '../stores/postgres/sessions-at-risk.ts';
import { listSessions, sessionSorts, type SessionFilter } from '../stores/postgres/sessions.ts';

let db: Database;
const tenant = newTenant();

beforeAll(async () => {
  db = await databaseOf(await sharedInstance());
  await db.asSystem().query(
    `INSERT INTO sessions (session_id, tenant, owner, flow_id, flow_version, language, segment, state, created_at, ended_at, claim_token,
       claim_expires_at, confirmed, view, standing_risk, last_activity_at)
     SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN $1 ELSE 'other' END, 'owner-' || n % 50, 'f', 1, 'en', 'first_time',
       (ARRAY['started','completed','cancelled'])[1 + n % 3], now() - n * interval '1 minute', now(),
            gen_random_uuid(), now(), true,
       jsonb_build_object('session_id', n, 'correlation_id', 'c-' || n,
         'stage', CASE WHEN n % 5000 = 0 THEN 'approval_decision' ELSE (ARRAY['started','engaged'])[1 + n / 3 % 2] END)
         || CASE WHEN n % 30 = 0 THEN jsonb_build_object('awaits', jsonb_build_object('since', 1e12::bigint + n)) ELSE '{}' END,
       (ARRAY[0, 8, 15, 23, 40])[1 + n % 5], now() - n * interval '100 ms'
     FROM generate_series(1, 30000) AS n`,
    [tenant],
  );
  await db.asSystem().query(
    `INSERT INTO changesets (changeset_id, tenant, session_id, status, requested_by, approved_by, risk_score, created_at)
     SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN $1 ELSE 'other' END, gen_random_uuid(), 'applied', 'a', 'b', 0,
       now() - n * interval '1 minute' FROM generate_series(1, 20000) AS n`,
    [tenant],
  );
  await db.asSystem().query(
    `INSERT INTO audit (id, tenant, at, actor, person, roles, action, target, result, status, correlation_id)
     SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN $1 ELSE 'other' END, now() - n * interval '1 minute', 'actor-' || n % 50,
       'home/actor-' || n % 50, '{admin}', 'action-' || n % 20, 'target-' || n % 100,
            (ARRAY['allowed','refused','failed'])[CASE WHEN n % 100 = 0 THEN 2 ELSE 1 END], 200, 'c' FROM generate_series(1, 30000) AS n`,
    [tenant],
  );
  await db.asSystem().query(
    `INSERT INTO uploads (upload_id, tenant, session_id, owner, object_id, kind, status, sealed_name, declared_bytes, resumable,
       active_until, expires_at, created_at, settled_at, kept)
     SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN $1 ELSE 'other' END, md5((n % 2000)::text)::uuid, 'owner-' || n % 50,
       gen_random_uuid(), 'photo',
       CASE WHEN n % 100 = 0 THEN 'quarantined' WHEN n % 10 = 1 THEN 'receiving' ELSE 'clean' END, '', 1, false, now(), now(),
       now() - n * interval '1 minute', now() - n * interval '1 minute', n % 50 <> 0 FROM generate_series(1, 30000) AS n`,
    [tenant],
  );
  await db.asSystem().query(
    `INSERT INTO api_keys (key_id, tenant, name, roles, secret_hash, created_by, created_at)
     SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN $1 ELSE 'other' END, 'k', '{user}', decode(repeat('00', 32), 'hex'), 'a',
       now() - n * interval '1 minute' FROM generate_series(1, 10000) AS n`,
    [tenant],
  );
  await db.asSystem().query(
    `INSERT INTO people (person, tenant, roles, issued_at)
     SELECT 'other/' || n || '-' || gen_random_uuid(), 'other', '{admin}', now() FROM generate_series(1, 10000) AS n`,
  );
  await db.asSystem().query(
    `INSERT INTO tasks (task_id, tenant, revision, task_name, status, category, severity, exception_type, exception_message, fingerprint,
       attempts, manual_retries,
                        correlation_id, session_id, parked_at, updated_at, ended_at, sealed)
     SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN $1 ELSE 'other' END, 1, 'task-' || n % 20,
       CASE WHEN n % 50 < 2 THEN 'parked' WHEN n % 50 = 2 THEN 'retrying' ELSE 'discarded' END,
            'category-' || n % 10, 'high', 'type-' || n % 7, 'm', 'fingerprint-' || n % 100, 3, 0, 'correlation-' || n % 1000,
            md5((n % 1000)::text)::uuid, now() - n * interval '1 minute',
            now(), CASE WHEN n % 50 > 2 THEN now() END, '' FROM generate_series(1, 30000) AS n`,
    [tenant],
  );
  await db.asSystem().query(
    `WITH patterns AS (
       INSERT INTO error_patterns (tenant, fingerprint, task_name, category, severity, exception_type, message, first_seen, last_seen)
       SELECT CASE WHEN n % 10 = 0 THEN $1 ELSE 'other' END, 'f' || n, 'task-' || n % 20, 'network', 'medium', 'Error', 'm',
         now() - n * interval '1 minute', now() - n * interval '1 minute'
       FROM generate_series(1, 20000) AS n RETURNING tenant, fingerprint, last_seen),
     hours AS (INSERT INTO error_hours SELECT tenant, fingerprint, last_seen - h * interval '1 hour', 1, gen_random_uuid() FROM patterns,
       generate_series(0, 2) AS h)
     INSERT INTO error_sessions SELECT tenant, fingerprint, gen_random_uuid(), last_seen - h * interval '1 hour' FROM patterns,
       generate_series(0, 5000) AS h WHERE fingerprint = 'f30' OR h = 0`,
    [tenant],
  );
  // some hundred rows of each name: of twenty the planner may as well sort them, of a page out of hundreds it must not
  await db.query('ANALYZE audit');
  await db.query('ANALYZE api_keys');
  await db.query('ANALYZE people');
  await db.query('ANALYZE sessions');
  await db.query('ANALYZE uploads');
  await vacuum('tasks');
  await db.query('ANALYZE changesets');
  for (const table of ['error_patterns', 'error_hours', 'error_sessions']) await db.query(`ANALYZE ${table}`);
});

async function addLinksAndReminders(): Promise<void> {
  await db.asSystem().query(
    `INSERT INTO resume_links (secret_hash, tenant, session_id, owner, person, expires_at, used_at)
     SELECT sha256(n::text::bytea), CASE WHEN n % 3 = 0 THEN $1 ELSE 'other' END, gen_random_uuid(), 'a', 'a', now(), now()
     FROM generate_series(1, 10000) AS n`,
    [tenant],
  );
  await db.asSystem().query(
    `INSERT INTO interventions (session_id, silent_since, tenant, arm, at)
     SELECT gen_random_uuid(), now(), CASE WHEN n % 3 = 0 THEN $1 ELSE 'other' END, 'sent', now() - n * interval '1 hour'
     FROM generate_series(1, 10000) AS n`,
    [tenant],
  );
  await Promise.all(['resume_links', 'interventions'].map((table) => vacuum(table)));
}

/** On a connection of its own: a statement of the database's runs in a transaction, and this cannot. */
async function vacuum(table: string): Promise<void> {
  const client = new Client({ connectionString: (await storesOf(await sharedInstance(), '')).databaseUrl });
  await client.connect();
  try {
    await client.query(`VACUUM ANALYZE ${table}`);
  } finally {
    await client.end();
  }
}

beforeAll(addLinksAndReminders);

afterAll(async () => {
  await db.asSystem().query("DELETE FROM resume_links WHERE tenant IN ($1, 'other')", [tenant]);
  await db.asSystem().query("DELETE FROM interventions WHERE tenant IN ($1, 'other')", [tenant]);
  await db.asSystem().query("DELETE FROM sessions WHERE tenant IN ($1, 'other')", [tenant]);
  await db.asSystem().query("DELETE FROM changesets WHERE tenant IN ($1, 'other')", [tenant]);
  await db.asSystem().query("DELETE FROM tasks WHERE tenant IN ($1, 'other')", [tenant]);
  await db.asSystem().query("DELETE FROM error_patterns WHERE tenant IN ($1, 'other')", [tenant]);
  await db.asSystem().query("DELETE FROM uploads WHERE tenant IN ($1, 'other')", [tenant]);
  await db.asSystem().query("DELETE FROM api_keys WHERE tenant IN ($1, 'other')", [tenant]);
  await db.close();
});

const auditPage = 'ORDER BY at DESC, id DESC LIMIT 21';
const tasksSince = 'FROM tasks WHERE tenant = $1 AND parked_at >= $2 ORDER BY parked_at OFFSET 0';
/** No filter of a list of sessions. */
const any = { owner: null, state: null, stage: null, flow: null, named: null };
const openTasks = "status IN ('parked', 'retrying')";
const taskPage = (direction: 'DESC' | 'ASC'): string => `ORDER BY parked_at ${direction}, task_id ${direction} LIMIT 21`;
const id = randomUUID();
const cases: readonly [what: string, sql: string, params: readonly unknown[], index: string][] = [
  [
    'sessions of a request', 'SELECT session_id FROM sessions WHERE tenant = $1 AND correlation_id = $2', [tenant, 'c-3'],
    'sessions_by_correlation',
  ],
  [
    'sessions that wait for an approver',
    'SELECT view FROM sessions WHERE tenant = $1 AND waiting_since IS NOT NULL ORDER BY waiting_since, session_id LIMIT 21', [tenant],
    'sessions_waiting',
  ],
  [
    'the open session of a person and flow',
    'SELECT session_id FROM sessions WHERE tenant = $1 AND owner = $2 AND flow_id = $3 AND ended_at IS NULL', [tenant, 'owner-3', 'f'],
    'sessions_one_open',
  ],
  ['a session by id', 'SELECT view FROM sessions WHERE session_id = $1 AND tenant = $2', [id, tenant], 'sessions_pkey'],
  [
    'changesets of a tenant', 'SELECT status FROM changesets WHERE tenant = $1 ORDER BY created_at DESC, changeset_id DESC LIMIT 21',
    [tenant], 'changesets_by_tenant',
  ],
  [
    'changesets of a session',
    'SELECT status FROM changesets WHERE tenant = $1 AND session_id = $2 ORDER BY created_at DESC, changeset_id DESC LIMIT 21',
    [tenant, id], 'changesets_by_session',
  ],
  [
    'an API key that was presented',
    'SELECT k.tenant, maker.roles FROM api_keys AS k LEFT JOIN people AS maker ON maker.person = k.person WHERE key_id = $1', [id],
    'api_keys_pkey',
  ],
  [
    'API keys of a tenant', 'SELECT name FROM api_keys WHERE tenant = $1 ORDER BY created_at DESC, key_id DESC LIMIT 21', [tenant],
    'api_keys_by_tenant',
  ],
  [
    'uploads of a session',
    `SELECT kind FROM uploads WHERE tenant = $1 AND session_id = $2 AND status IN ('quarantined', 'clean', 'rejected')
       ORDER BY created_at DESC, upload_id DESC LIMIT 21`, [tenant, id], 'uploads_by_session',
  ],
  [
    'uploads that wait for their verdict, the next page',
    `SELECT kind FROM uploads WHERE status = 'quarantined' AND settled_at < now() - interval '1 minute' AND (settled_at, upload_id)
       > (now() - interval '5 days', $1::uuid) ORDER BY settled_at, upload_id LIMIT 500`, [id], 'uploads_unjudged',
  ],
  [
    'uploads of which nobody has looked whether an answer names them, with their sessions',
    `WITH old AS MATERIALIZED (
         SELECT session_id, created_at, upload_id FROM uploads
         WHERE status IN ('quarantined', 'clean', 'rejected') AND NOT kept AND created_at < now() - interval '1 day'
           AND (created_at, upload_id) > (now() - interval '9 days', $1::uuid) ORDER BY created_at, upload_id LIMIT 20)
       SELECT s.snapshot FROM old AS u LEFT JOIN sessions AS s ON s.session_id = u.session_id AND s.ended_at < now()`,
    [id], 'uploads_unlooked',
  ],
  ['the upload of a stored file', 'SELECT status FROM uploads WHERE object_id = ANY($1::uuid[])', [[id]], 'uploads_by_object'],
  [
    'all uploads, the next page', `SELECT sha256 FROM uploads WHERE status IN ('quarantined', 'clean') AND (tenant, upload_id) > ($1, $2)
       ORDER BY tenant, upload_id LIMIT 200`, [tenant, id], 'uploads_pkey',
  ],
  ['the audit log', `SELECT action FROM audit WHERE tenant = $1 ${auditPage}`, [tenant], 'audit_by_tenant'],
  [
    'the audit log of a time, the next page',
    `SELECT action FROM audit WHERE tenant = $1 AND at >= now() - interval '9 days' AND at < now() AND (at, id) < (now() - interval '5 ` +
    `days', $2::uuid) ${auditPage}`,
    [tenant, id], 'audit_by_tenant',
  ],
  [
    'what one credential did', `SELECT action FROM audit WHERE tenant = $1 AND actor = $2 ${auditPage}`, [tenant, 'actor-3'],
    'audit_by_actor',
  ],
  [
    'what one person did, with whichever credential', `SELECT action FROM audit WHERE tenant = $1 AND person = $2 ${auditPage}`,
    [tenant, 'home/actor-3'], 'audit_by_person',
  ],
  ['acts of one kind', `SELECT action FROM audit WHERE tenant = $1 AND action = $2 ${auditPage}`, [tenant, 'action-3'], 'audit_by_action'],
  [
    'what was done to one thing', `SELECT action FROM audit WHERE tenant = $1 AND target = $2 ${auditPage}`, [tenant, 'target-3'],
    'audit_by_target',
  ],
  ['refusals', `SELECT action FROM audit WHERE tenant = $1 AND result = $2 ${auditPage}`, [tenant, 'refused'], 'audit_by_result'],
  [
    'errors of a time', "SELECT count(*) FROM error_patterns WHERE tenant = $1 AND last_seen >= now() - interval '4 days'", [tenant],
    'error_patterns_by_time',
  ],
  [
    'how often an error was met',
    "SELECT sum(count) FROM error_hours WHERE tenant = $1 AND fingerprint = $2 AND hour >= now() - interval '12 days'", [tenant, 'f30'],
    'error_hours_pkey',
  ],
  [
    'sessions that met an error',
    "SELECT count(*) FROM error_sessions WHERE tenant = $1 AND fingerprint = $2 AND last_seen >= now() - interval '12 days'",
    [tenant, 'f30'], 'error_sessions_by_time',
  ],
  ['open tasks', `SELECT task_name FROM tasks WHERE tenant = $1 AND ${openTasks} ${taskPage('DESC')}`, [tenant], 'tasks_open'],
  [
    'open tasks, the oldest first, the next page',
    `SELECT task_name FROM tasks WHERE tenant = $1 AND ${openTasks} AND (parked_at, task_id) > (now() - interval '5 days',
       $2::uuid) ${taskPage('ASC')}`,
    [tenant, id], 'tasks_open',
  ],
  [
    'discarded tasks, the next page',
    `SELECT task_name FROM tasks WHERE tenant = $1 AND status = $2 AND (parked_at, task_id) < (now() - interval '5 days',
       $3::uuid) ${taskPage('DESC')}`,
    [tenant, 'discarded', id], 'tasks_',
  ],
  [
    'tasks of a name', `SELECT status FROM tasks WHERE tenant = $1 AND status = $2 AND task_name = $3 ${taskPage('DESC')}`,
    [tenant, 'discarded', 'task-3'], 'tasks_by_name',
  ],
  [
    'tasks of a category', `SELECT status FROM tasks WHERE tenant = $1 AND status = $2 AND category = $3 ${taskPage('DESC')}`,
    [tenant, 'discarded', 'category-3'], 'tasks_by_category',
  ],
  [
    'tasks of a fingerprint', `SELECT status FROM tasks WHERE tenant = $1 AND status = $2 AND fingerprint = $3 ${taskPage('DESC')}`,
    [tenant, 'discarded', 'fingerprint-33'], 'tasks_by_fingerprint',
  ],
  [
    'an upload by id', 'SELECT status FROM uploads WHERE tenant = $1 AND upload_id = $2', [tenant, id], 'uploads_pkey',
  ],
  [
    'uploads of a person that are under way',
    "SELECT count(*) FROM uploads WHERE tenant = $1 AND owner = $2 AND status = 'receiving' AND active_until > now()",
    [tenant, 'owner-3'], 'uploads_active',
  ],
  [
    'the same content in a session',
    "SELECT upload_id FROM uploads WHERE tenant = $1 AND session_id = $2 AND sha256 = $3 AND status IN ('quarantined', 'clean')",
    [tenant, id, Buffer.alloc(32)], 'uploads_one_content',
  ],
  ['a task by id', 'SELECT sealed FROM tasks WHERE task_id = $1 AND tenant = $2', [id, tenant], 'tasks_pkey'],
  [
    'counts of tasks', `SELECT kind, count(*), sum(manual_retries) FROM (SELECT kind, manual_retries ${tasksSince}) AS t GROUP BY kind`,
    [tenant, new Date(0)], 'Index Only Scan using tasks_counted',
  ],
  [
    'the names of what is counted', 'SELECT status, category, task_name, exception_type FROM tasks WHERE tenant = $1 AND kind = $2 LIMIT 1',
    [tenant, 7], 'tasks_by_kind',
  ],
  [
    'times to resolution',
    `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY date_part('epoch', ended_at - parked_at)) FROM (SELECT ended_at,
       parked_at ${tasksSince}) AS t WHERE ended_at IS NOT NULL`,
    [tenant, new Date(0)], 'Index Only Scan using tasks_counted',
  ],
];

const atRisk = { tenant, least: 40, limit: 50, now: Date.now() };

// few rows have all of it: the planner may as well sort them
const sorted: readonly [what: string, sql: string, params: readonly unknown[], index: string][] = [
  [
    'what a session uses of its quotas', `SELECT count(*) FROM uploads WHERE tenant = $1 AND session_id = md5('3')::uuid
       AND status IN ('receiving', 'quarantined', 'clean') AND (status <> 'receiving' OR expires_at > now())`,
    [tenant], 'uploads_',
  ],
  [
    'open tasks of a cause', `SELECT task_name FROM tasks WHERE tenant = $1 AND ${openTasks} AND category = $2 ${taskPage('DESC')}`,
    [tenant, 'category-1'], 'tasks_',
  ],
  ['sessions at risk', atRiskList(atRisk).sql, atRiskList(atRisk).params, 'Index Only Scan using sessions_at_risk'],
  [
    'reminders of a time',
    `SELECT arm, count(*) FROM interventions WHERE tenant = $1 AND at >= now() - interval '9 days' AND at < now() GROUP BY arm`, [tenant],
    'interventions_by_time',
  ],
  ['a resume link', 'SELECT used_at FROM resume_links WHERE secret_hash = sha256($1::text::bytea)', ['3'], 'resume_links_pkey'],
  ['how many are at risk', atRiskTotal(atRisk).sql, atRiskTotal(atRisk).params, 'sessions_at_risk'],
  [
    'tasks of a session', `SELECT status FROM tasks WHERE tenant = $1 AND status = $2 AND session_id = md5('3')::uuid ${taskPage('DESC')}`,
    [tenant, 'discarded'], 'tasks_by_session',
  ],
  [
    'tasks of a request', `SELECT status FROM tasks WHERE tenant = $1 AND status = $2 AND correlation_id = $3 ${taskPage('DESC')}`,
    [tenant, 'discarded', 'correlation-3'], 'tasks_by_correlation',
  ],
];

test.each(sorted)('%s come by an index, without a scan', async (_, sql, params, index) => {
  const rows = await db.asTenant(tenant).query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, params);
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toContain(index);
  expect(plan).not.toMatch(/Seq Scan/);
});

test.each(cases)('%s come by an index, without a scan or a sort', async (_, sql, params, index) => {
  const rows = await db.asTenant(tenant).query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, params);
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toContain(index);
  expect(plan).not.toMatch(/Seq Scan|^\s*->\s+Sort|^Sort/m);
});

test('a total is counted up to 10,000 rows and no further', async () => {
  const counted = (rows: string): string => `EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT count(*)::int AS counted ` +
    `FROM (SELECT FROM ${rows} LIMIT 10001) AS counted`;
  for (
    const rows of [
      "audit WHERE tenant = 'other'",
      "tasks WHERE tenant = 'other' AND status = 'discarded'",
    ]
  ) {
    const plan = (await db.asTenant('other').query<{ 'QUERY PLAN': string }>(counted(rows))).map((row) => row['QUERY PLAN']).join('\n');
    // the innermost node has looked at no more than that
    const looked = [...plan.matchAll(/actual rows=([\d.]+)/g)].map(([, found]) => Number(found));
    expect(Math.max(...looked)).toBe(10_001);
  }
  const many = await listSessions(db, { tenant: 'other', ...any }, 'started_at', { limit: 5, after: null });
  expect([many.rows.length, many.total, many.totalIsAtLeast]).toEqual([5, 10_000, true]);
  const fewer = await listSessions(db, { tenant, ...any }, 'started_at', { limit: 5, after: null });
  expect([fewer.total, fewer.totalIsAtLeast]).toEqual([10_000, false]);
  const some = await listSessions(db, { tenant, ...any, owner: 'owner-3' }, 'started_at', { limit: 5, after: null });
  expect([some.total, some.totalIsAtLeast]).toEqual([200, false]);
});

describe('lists of sessions', () => {
  const filters: readonly Partial<SessionFilter>[] = [
    {}, { state: 'started' }, { state: 'error' }, { stage: 'engaged' }, { stage: 'approval_decision' }, { flow: 'f' }, { flow: 'none' },
    { state: 'started', stage: 'engaged' }, { state: 'completed', stage: 'approval_decision' }, { flow: 'f', state: 'escalated' },
    { flow: 'f', state: 'started', stage: 'started' }, { owner: 'owner-3' }, { owner: 'owner-3', stage: 'engaged' },
    { named: 'owner-3' }, { named: 'c-30' }, { named: 'c-30', state: 'error' }, { named: randomUUID() },
  ];
  const all = (['started_at', 'last_activity_at'] as const).flatMap((sort) => filters.map((filter) => ({ sort, filter })));

  /** The database, and the plan of each statement that it was asked, as it was carried out. */
  function observed(plans: string[]): Database {
    const asTenant: Database['asTenant'] = (name) => {
      const scope = db.asTenant(name);
      return {
        ...scope, query: async (sql, params) => {
          const explained = `EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ${sql}`;
          const plan = await scope.query<{ 'QUERY PLAN': string }>(explained, params);
          plans.push(plan.map((row) => row['QUERY PLAN']).join('\n'));
          return scope.query(sql, params);
        },
      };
    };
    return { ...db, asTenant };
  }

  test.each(all)('$filter by $sort: what a plain question finds, and no row is looked at in vain', async ({ filter, sort }) => {
    const plans: string[] = [];
    const wanted = { tenant, ...any, ...filter };
    const first = await listSessions(observed(plans), wanted, sort, { limit: 7, after: null });
    const second = first.next === null ? null : await listSessions(observed(plans), wanted, sort, { limit: 7, after: first.next });
    const plain = await db.asTenant(tenant).query<{ view: { session_id: number } }>(
      `SELECT view FROM sessions WHERE tenant = $1 AND confirmed AND coalesce(state = $2, true) AND coalesce(view ->> 'stage' = $3, true)
         AND coalesce(flow_id = $4, true) AND coalesce(owner = $5, true) AND coalesce($6 IN (owner, view ->> 'correlation_id'), true)
       ORDER BY ${sessionSorts[sort]} DESC, session_id DESC`,
      [tenant, wanted.state, wanted.stage, wanted.flow, wanted.owner, wanted.named],
    );
    expect([...first.rows, ...second?.rows ?? []]).toEqual(plain.slice(0, 14).map(({ view }) => view));
    expect(first.total).toBe(plain.length);
    for (const plan of plans) {
      expect(plan).not.toMatch(/Seq Scan/);
      const looked = [...plan.matchAll(/(?:actual rows=|Rows Removed by Filter: )([\d.]+)/g)].map(([, rows]) => Number(rows));
      // a person's own, of which there are 200, may be sorted and filtered
      expect(Math.max(...looked)).toBeLessThanOrEqual(Math.min(10_001, Math.max(200, plain.length)));
    }
  });
});
