/** Alerts of the dead letter queue: each told once on every channel, whoever looks and whatever fails; and the cleanup of ended tasks. */
import { randomUUID } from 'node:crypto';
import type { lookup, LookupAddress } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SMTPServer } from 'smtp-server';
import { alertingOf } from '../activities/alerts/alerting.ts';
import { mailChannel } from '../activities/alerts/channels/mail.ts';
import { raiseAlerts } from '../activities/alerts/raise.ts';
import type { RaiseOptions } from '../activities/alerts/tell.ts';
import type { StuckTally } from '../activities/stuck.ts';
import { slackChannel } from '../activities/alerts/channels/slack.ts';
import { webhookChannel } from '../activities/alerts/channels/webhook.ts';
import { cleanUpTasks } from '../activities/clean-up-tasks.ts';
import { claimMessage, tenantAlerts, tenantAlertsStatement } from '../stores/postgres/alerts.ts';
import { Outside } from '../outside/outside.ts';
import { Breakers } from '../outside/breakers/registry.ts';
import { readConfiguration } from '../service/environment.ts';
import { alertSettings, breakerNumbers } from '../service/settings.ts';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { noteSight } from '../stores/postgres/scanner-sights.ts';
import { endedTasksStatement } from '../stores/postgres/task-cleanup.ts';
import { databaseOf, storesOf, testSchemas } from './support/instance-stores.ts';
import { newTenant, type Body } from './support/person.ts';
import { isSigned, secret, startReceiver, type Reaction, type Received, type Receiver } from './support/receiver.ts';
import { leaseInstance, leaseMs, sharedInstance, type Lease } from './support/shared.ts';
import { until } from './support/until.ts';

const noLog = { debug: () => undefined, info: () => undefined, warn: () => undefined } as unknown as RaiseOptions['log'];
const schema = `${testSchemas}alerts_${randomUUID().slice(0, 8)}`;
let shared: Database;
let db: Database;

// tables of this file's own: the service looks for alerts of all tenants too, and would tell them first
beforeAll(async () => {
  const url = new URL((await storesOf(await sharedInstance(), '')).databaseUrl);
  shared = openDatabase({ url: url.href, timeoutMs: 120_000, connections: 1 });
  await shared.query(`CREATE SCHEMA ${schema}`);
  url.searchParams.set('options', `-c search_path=${schema},public`);
  db = openDatabase({ url: url.href, timeoutMs: 120_000, connections: 6 });
  for (const name of ['030_tasks.sql', '032_alerts.sql', '050_stuck_alerts.sql', '070_scanner_sights.sql']) {
    await db.query(await readFile(new URL(`../stores/postgres/schema/${name}`, import.meta.url), 'utf8'));
  }
  await db.query('SELECT isolate_tenants()');
});
afterAll(async () => {
  await db.close();
  await shared.query(`DROP SCHEMA ${schema} CASCADE`);
  await shared.close();
});
afterEach(async () => {
  await db.asSystem().query('DELETE FROM tasks');
  await db.asSystem().query('DELETE FROM alerts');
  await db.query('DELETE FROM scanner_sights');
});

interface Rows {
  readonly tenant: string;
  readonly count?: number;
  readonly status?: string;
  readonly hoursAgo?: number;
  readonly endedDaysAgo?: number | null;
  readonly fingerprint?: string;
}

/** What a person said stands where it may stand: in the sealed state, and in a message that was not scrubbed well. */
async function park(
  { tenant, count = 1, status = 'parked', hoursAgo = 1, endedDaysAgo = null, fingerprint = 'known' }: Rows, into: Database = db,
): Promise<void> {
  await into.asSystem().query(
    `INSERT INTO tasks (task_id, tenant, revision, task_name, status, category, severity, exception_type, exception_message, fingerprint,
       attempts, manual_retries, correlation_id, session_id,
       parked_at, updated_at, ended_at, sealed)
     SELECT gen_random_uuid(), $1, 1, 'applyChangeset', $2, 'external_api', 'medium', 'HttpError', 'ana@acme.test said so', $3, 3, 0, 'c',
       gen_random_uuid(), now() - make_interval(hours => $4), now(),
       now() - make_interval(days => $5), convert_to('ana@acme.test', 'UTF8') FROM generate_series(1, $6)`,
    [tenant, status, fingerprint, hoursAgo, endedDaysAgo, count],
  );
}

const endAll = (tenant: string) => db.asTenant(tenant).query("UPDATE tasks SET status = 'completed', ended_at = now()");
const messages = (tenant: string): Promise<Body[]> => db.asTenant(tenant).query(
  `SELECT kind, channel, says, message.status, attempts, last_error FROM alert_messages AS message JOIN alerts USING (alert_id) ORDER BY ` +
  `kind, says, channel`,
);
const dueNow = (tenant: string) => db.asTenant(tenant).query("UPDATE alert_messages SET next_attempt_at = now() WHERE status = 'pending'");

interface Mail { readonly from: string; readonly to: readonly string[]; readonly text: string }

describe('alerts', () => {
  let tenant: string;
  let receiver: Receiver;
  let smtp: SMTPServer;
  let smtpPort: number;
  let mails: Mail[];
  let react: (request: Received) => Reaction;
  let mailFault: () => Error | null;
  let stuck: readonly StuckTally[];

  beforeEach(async () => {
    tenant = newTenant();
    react = () => ({});
    receiver = await startReceiver((request) => react(request));
    mails = [];
    mailFault = () => null;
    stuck = [];
    smtp = new SMTPServer({
      authOptional: true, disabledCommands: ['STARTTLS'], allowInsecureAuth: true, logger: false,
      onAuth: (_, __, done) => { done(null, { user: 'gangway' }); },
      onData: (stream, { envelope }, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => { chunks.push(chunk); });
        stream.on('end', () => {
          const fault = mailFault();
          if (fault !== null) return done(fault);
          mails.push({
            from: envelope.mailFrom === false ? '' : envelope.mailFrom.address, to: envelope.rcptTo.map(({ address }) => address),
            text: unfolded(Buffer.concat(chunks).toString('utf8')),
          });
          return done();
        });
      },
    });
    await new Promise<void>((resolve) => { smtp.listen(0, '127.0.0.1', resolve); });
    smtpPort = (smtp.server.address() as AddressInfo).port;
  });
  afterEach(async () => {
    await receiver.close();
    await new Promise<void>((resolve) => { smtp.close(resolve); });
  });

  /** Channels of a worker that was started just now. */
  function worker(environment: Readonly<Record<string, string>> = {}, more: Partial<RaiseOptions> = {}): RaiseOptions {
    const configuration = readConfiguration({
      ALERT_WEBHOOK_URL: `${receiver.url}/hook`, ALERT_WEBHOOK_SECRET: secret, SLACK_WEBHOOK_URL: `${receiver.url}/slack`,
      SMTP_URL: `smtp://127.0.0.1:${smtpPort}`,
      GANGWAY_ALERT_MAIL_TO: 'ben@acme.test, cy@acme.test', GANGWAY_ALERT_MAIL_FROM: 'gangway@acme.test',
      GANGWAY_ALLOW_PRIVATE_URLS: 'true',
      PUBLIC_URL: 'https://gangway.acme.test/', GANGWAY_DLQ_CAPACITY: '10', ...environment,
    });
    const alerting = alertingOf(
      alertSettings(configuration),
      new Outside({ breakers: new Breakers(breakerNumbers(configuration)), allowPrivate: true, now: Date.now }), () => 0.5,
    );
    return { ...alerting, db, stuck: { tally: () => Promise.resolve(stuck) }, log: noLog, signal: new AbortController().signal, ...more };
  }

  /** One whose channels are all behind an open breaker. */
  const deaf = (): RaiseOptions => worker({}, {
    channels: worker().channels.map((channel) => ({
      ...channel, tell: () => Promise.resolve({ reason: 'breaker_open', retryAfterMs: null }),
    })),
  });

  const hooks = (): Received[] => receiver.requests.filter(({ path }) => path === '/hook');
  const slacks = (): Received[] => receiver.requests.filter(({ path }) => path === '/slack');
  const heard = (): number[] => [hooks().length, slacks().length, mails.length];

  const situations: readonly [string, string, () => Promise<void>, string][] = [
    ['size', 'capacity', async () => { await park({ tenant, count: 8 }); }, '8 tasks in the dead letter queue, 80 % of its capacity'],
    [
      'age', 'age', async () => { await park({ tenant, hoursAgo: 25 }); await park({ tenant, status: 'retrying', hoursAgo: 2 }); },
      'tasks wait in the dead letter queue for more than 24 hours',
    ],
    [
      'a new fingerprint', 'new_fingerprint', async () => { await park({ tenant, count: 2, fingerprint: 'f00d' }); },
      'applyChangeset fails in a new way (external_api)',
    ],
    [
      'sessions that cannot move', 'session_stuck',
      () => { stuck = [{ tenant, stuck: 2, failure_type: 'NonDeterministicError' }]; return Promise.resolve(); },
      '2 sessions and tasks cannot move (NonDeterministicError)',
    ],
  ];

  test.each(situations)(
    'of %s are told once on every channel, and not again while they stand, by a worker started anew either',
    async (_, kind, arrange, title) => {
      await db.asTenant(tenant).query(
        "INSERT INTO alerts (tenant, kind, key, raised_at, facts) VALUES ($1, 'new_fingerprint', 'known', now(), '{}')", [tenant],
      );
      await arrange();
      const lines: Body[] = [];
      const log = { ...noLog, warn: (line: Body) => { lines.push(line); } } as RaiseOptions['log'];
      expect(await raiseAlerts(worker({}, { log }))).toEqual({ raised: 1, recovered: 0, told: 3, failed: 0 });
      expect(await raiseAlerts(worker({}, { log }))).toEqual({ raised: 0, recovered: 0, told: 0, failed: 0 });
      expect(heard()).toEqual([1, 1, 1]);
      expect(lines).toEqual([{ tenant, alert: kind, facts: expect.anything() }]);
      const [hook] = hooks();
      expect(hook && isSigned(hook)).toBe(true);
      expect(hook?.body).toMatchObject({
        event: 'alert_raised', tenant,
        data: { kind, recovered_at: null, title: `${tenant}: ${title}`, console_url: 'https://gangway.acme.test/' },
      });
      expect(hook?.headers['idempotency-key']).toBe(hook?.body.event_id);
      expect(slacks()[0]?.headers['gangway-signature']).toBeUndefined();
      expect(slacks()[0]?.body).toEqual({ text: `${tenant}: ${title}`, blocks: [
        { type: 'header', text: { type: 'plain_text', text: `${tenant}: ${title}`, emoji: false } },
        { type: 'section', text: { type: 'mrkdwn', text: expect.stringContaining(tenant) } },
        { type: 'context', elements: [{ type: 'mrkdwn', text: expect.stringContaining('<https://gangway.acme.test/|Open the console>') }] },
      ] });
      expect(mails[0]).toMatchObject({
        from: 'gangway@acme.test', to: ['ben@acme.test', 'cy@acme.test'], text: expect.stringContaining(`Subject: ${tenant}: ${title}`),
      });
      expect(mails[0]?.text).toContain('Look in the console: https://gangway.acme.test/');
    },
  );

  test.each(situations.slice(0, 2))('of %s are told once more, when they are over, and begin anew later', async (_, kind, arrange, __) => {
    await db.asTenant(tenant).query(
      "INSERT INTO alerts (tenant, kind, key, raised_at, facts) VALUES ($1, 'new_fingerprint', 'known', now(), '{}')", [tenant],
    );
    await arrange();
    await raiseAlerts(worker());
    await endAll(tenant);
    expect(await raiseAlerts(worker())).toEqual({ raised: 0, recovered: 1, told: 3, failed: 0 });
    expect(await raiseAlerts(worker())).toEqual({ raised: 0, recovered: 0, told: 0, failed: 0 });
    const [first, second] = hooks();
    expect(second?.body).toMatchObject({
      event: 'alert_recovered', tenant,
      data: { kind, alert_id: first?.body.data.alert_id, recovered_at: expect.stringMatching(/Z$/), facts: { open: 0 } },
    });
    expect(second?.body.event_id).not.toBe(first?.body.event_id);
    // a mail below the first one
    expect(mails[1]?.text).toContain(`In-Reply-To: <${first?.body.event_id}@acme.test>`);
    await arrange();
    expect(await raiseAlerts(worker())).toMatchObject({ raised: 1, told: 3 });
  });

  test('of sessions that cannot move are over when all move again, and neither begin nor end while Temporal does not say', async () => {
    const silent = { stuck: { tally: () => Promise.reject(new Error('away')) } };
    stuck = [{ tenant, stuck: 1, failure_type: 'NonDeterministicError' }];
    expect(await raiseAlerts(worker({}, silent))).toMatchObject({ raised: 0, told: 0 });
    await raiseAlerts(worker());
    expect(hooks()[0]?.body.data).toMatchObject({
      kind: 'session_stuck', facts: { stuck: 1, failure_type: 'NonDeterministicError' },
      text: expect.stringContaining('GET /api/v1/onboarding/admin/sessions/stuck/'),
    });
    stuck = [{ tenant, stuck: 5, failure_type: 'NonDeterministicError' }];
    expect(await raiseAlerts(worker())).toMatchObject({ raised: 0, recovered: 0 });
    expect(await raiseAlerts(worker({}, silent))).toMatchObject({ raised: 0, recovered: 0 });
    stuck = [];
    expect(await raiseAlerts(worker())).toMatchObject({ raised: 0, recovered: 1, told: 3 });
    expect(hooks()[1]?.body).toMatchObject({ event: 'alert_recovered', data: { kind: 'session_stuck', facts: { stuck: 0 } } });
  });

  test('of a scanner that is blind are told once, however many workers see it so, and once more when all see again', async () => {
    const clamd = { CLAMD_URL: 'tcp://127.0.0.1:3310' };
    await noteSight(db, 'one', true);
    expect(await raiseAlerts(worker(clamd))).toEqual({ raised: 0, recovered: 0, told: 0, failed: 0 });
    await noteSight(db, 'one', false);
    // whose worker has no scanner knows nothing of one
    expect(await raiseAlerts(worker())).toEqual({ raised: 0, recovered: 0, told: 0, failed: 0 });
    expect(await raiseAlerts(worker(clamd))).toEqual({ raised: 1, recovered: 0, told: 3, failed: 0 });
    await noteSight(db, 'two', false);
    expect(await raiseAlerts(worker(clamd))).toEqual({ raised: 0, recovered: 0, told: 0, failed: 0 });
    expect(hooks()[0]?.body).toMatchObject({
      event: 'alert_raised', tenant: null,
      data: {
        kind: 'scanner_blind', title: 'The virus scanner of uploads is blind: it calls the EICAR text clean',
        facts: { workers: 1, blind_since: expect.stringMatching(/Z$/) }, text: expect.stringContaining('gangway_upload_scanner_sees'),
      },
    });
    // one that is started anew does not answer meanwhile, and one of two sees: neither is the end of it
    await noteSight(db, 'one', null);
    await noteSight(db, 'two', true);
    expect(await raiseAlerts(worker(clamd))).toEqual({ raised: 0, recovered: 0, told: 0, failed: 0 });
    await noteSight(db, 'one', true);
    expect(await raiseAlerts(worker(clamd))).toEqual({ raised: 0, recovered: 1, told: 3, failed: 0 });
    expect(hooks()[1]?.body).toMatchObject({
      event: 'alert_recovered', data: { kind: 'scanner_blind', title: 'Over: the virus scanner of uploads sees again' },
    });
    expect(heard()).toEqual([2, 2, 2]);
    await noteSight(db, 'two', false);
    expect(await raiseAlerts(worker(clamd))).toMatchObject({ raised: 1, told: 3 });
  });

  test('of a blind scanner neither begin nor end by what a worker saw that has gone since', async () => {
    const clamd = { CLAMD_URL: 'tcp://127.0.0.1:3310', GANGWAY_UPLOAD_SCAN_PROBE_SECONDS: '600' };
    const age = (name: string) => db.query("UPDATE scanner_sights SET at = now() - interval '23 minutes' WHERE worker = $1", [name]);
    await noteSight(db, 'gone', false);
    await age('gone');
    expect(await raiseAlerts(worker(clamd))).toMatchObject({ raised: 0 });
    await noteSight(db, 'here', false);
    expect(await raiseAlerts(worker(clamd))).toMatchObject({ raised: 1 });
    // nobody who has looked lately is left: nothing is known
    await noteSight(db, 'gone', true);
    await age('gone');
    await age('here');
    expect(await raiseAlerts(worker(clamd))).toMatchObject({ recovered: 0 });
    await noteSight(db, 'next', true);
    expect(await raiseAlerts(worker(clamd))).toMatchObject({ recovered: 1 });
  });

  test('of a fingerprint are never over, and one that was known comes back unheard, while another tenant hears of its own', async () => {
    await park({ tenant, fingerprint: 'f00d' });
    await raiseAlerts(worker());
    await endAll(tenant);
    expect(await raiseAlerts(worker())).toMatchObject({ raised: 0, recovered: 0, told: 0 });
    await park({ tenant, fingerprint: 'f00d' });
    const other = newTenant();
    await park({ tenant: other, fingerprint: 'f00d' });
    expect(await raiseAlerts(worker())).toMatchObject({ raised: 1, told: 3 });
    expect(hooks().map(({ body }) => body.tenant)).toEqual([tenant, other]);
  });

  test('hold nothing that a person said: no input, and no message of an error', async () => {
    await park({ tenant, count: 9, hoursAgo: 30 });
    await raiseAlerts(worker());
    await endAll(tenant);
    await raiseAlerts(worker());
    expect(heard()).toEqual([5, 5, 5]);
    const everything = JSON.stringify([receiver.requests, mails, await db.asSystem().query('SELECT facts, resolved_facts FROM alerts')]);
    expect(everything).not.toMatch(/ana@acme|said so|HttpError/);
  });

  test('a channel that answers 500 is told again later, as often as it may be, while the others are told once', async () => {
    react = ({ path }) => (path === '/hook' ? { status: 500 } : {});
    await park({ tenant });
    expect(await raiseAlerts(worker())).toEqual({ raised: 1, recovered: 0, told: 2, failed: 1 });
    // not before its time
    expect(await raiseAlerts(worker())).toMatchObject({ told: 0, failed: 0 });
    const patient = worker();
    for (let round = 2; round <= patient.backOff.tries; round += 1) {
      await dueNow(tenant);
      expect(await raiseAlerts(worker())).toMatchObject({ told: 0, failed: 1 });
    }
    await dueNow(tenant);
    expect(await raiseAlerts(worker())).toMatchObject({ told: 0, failed: 0 });
    expect(heard()).toEqual([10, 1, 1]);
    expect(await messages(tenant)).toEqual([
      { kind: 'new_fingerprint', channel: 'mail', says: 'raised', status: 'told', attempts: 1, last_error: null },
      { kind: 'new_fingerprint', channel: 'slack', says: 'raised', status: 'told', attempts: 1, last_error: null },
      { kind: 'new_fingerprint', channel: 'webhook', says: 'raised', status: 'given_up', attempts: 10, last_error: 'status 500' },
    ]);
    expect(new Set(hooks().map(({ body }) => body.event_id)).size).toBe(1);
  });

  test('waits as long as Retry-After says, and is taken then', async () => {
    react = ({ path }) => (path === '/slack' && slacks().length === 1 ? { status: 429, headers: { 'retry-after': '1' } } : {});
    await park({ tenant });
    const began = Date.now();
    await raiseAlerts(worker());
    await until('Slack has taken it', async () => (await raiseAlerts(worker())).told === 1);
    expect(heard()).toEqual([1, 2, 1]);
    expect(Date.now() - began).toBeGreaterThanOrEqual(990);
  });

  test('a mail server that refuses is told again, and its words are not kept', async () => {
    mailFault = () => Object.assign(new Error('ben@acme.test is over quota'), { responseCode: 452 });
    await park({ tenant });
    expect(await raiseAlerts(worker())).toMatchObject({ told: 2, failed: 1 });
    expect((await messages(tenant))[0]).toMatchObject({ channel: 'mail', status: 'pending', attempts: 1, last_error: 'status 452' });
    mailFault = () => null;
    await dueNow(tenant);
    expect(await raiseAlerts(worker())).toMatchObject({ told: 1, failed: 0 });
    expect(heard()).toEqual([1, 1, 1]);
  });

  test('workers that look at once tell once', async () => {
    react = () => ({ delayMs: 30 });
    const together = async (): Promise<number> => {
      const results = await Promise.all(Array.from({ length: 5 }, () => raiseAlerts(worker())));
      return results.reduce((total, each) => total + each.raised + each.recovered, 0);
    };
    await park({ tenant, count: 9, hoursAgo: 30 });
    expect(await together()).toBe(3);
    // those who had nothing to look for may have been too early to tell
    await together();
    expect(heard()).toEqual([3, 3, 3]);
    await endAll(tenant);
    expect(await together()).toBe(2);
    await together();
    expect(heard()).toEqual([5, 5, 5]);
  });

  test('workers that find the same messages due tell each once', async () => {
    react = () => ({ delayMs: 30 });
    await park({ tenant, count: 9, hoursAgo: 30 });
    expect(await raiseAlerts(deaf())).toMatchObject({ raised: 3, told: 0 });
    await Promise.all(Array.from({ length: 5 }, () => raiseAlerts(worker())));
    expect(heard()).toEqual([3, 3, 3]);
  });

  test('what a worker claimed and died with is told by another', async () => {
    await park({ tenant });
    expect(await raiseAlerts(deaf())).toMatchObject({ raised: 1, told: 0 });
    expect(await claimMessage(db.asSystem(), 'webhook', 200)).toMatchObject({
      tenant, kind: 'new_fingerprint', says: 'raised', attempts: 1,
    });
    await until('the claim is over', async () => { await raiseAlerts(worker()); return hooks().length > 0; });
    await raiseAlerts(worker());
    expect(heard()).toEqual([1, 1, 1]);
  });

  test('an alert that was over before a channel took it is told there neither at its beginning nor at its end', async () => {
    react = ({ path }) => (path === '/hook' ? 'close' : {});
    await db.asTenant(tenant).query(
      "INSERT INTO alerts (tenant, kind, key, raised_at, facts) VALUES ($1, 'new_fingerprint', 'known', now(), '{}')", [tenant],
    );
    await park({ tenant, count: 8 });
    await raiseAlerts(worker());
    react = () => ({});
    await endAll(tenant);
    await dueNow(tenant);
    await raiseAlerts(worker());
    await raiseAlerts(worker());
    expect(heard()).toEqual([1, 2, 2]);
    expect((await messages(tenant)).filter(({ channel }) => channel === 'webhook').map(({ says, status }) => [says, status])).toEqual(
      [['raised', 'withdrawn'], ['recovered', 'withdrawn']],
    );
  });

  test('a name cannot mention everybody in Slack, nor add a header to a mail', async () => {
    tenant = `${newTenant()} <!channel> & =?utf-8?q?=0D=0ABcc:_eve@acme.test?=`;
    await park({ tenant });
    await raiseAlerts(worker());
    expect(slacks()[0]?.body.text).toContain('&lt;!channel&gt; &amp;');
    expect(slacks()[0]?.body.blocks[1].text.text).not.toContain('<');
    expect(mails[0]?.to).toEqual(['ben@acme.test', 'cy@acme.test']);
    expect(mails[0]?.text).not.toMatch(/^Bcc:/m);
  });

  test('without channels alerts are kept, so that nothing old is told when one is set up', async () => {
    await park({ tenant });
    expect(await raiseAlerts({ ...worker(), channels: [] })).toEqual({ raised: 1, recovered: 0, told: 0, failed: 0 });
    expect(await raiseAlerts(worker())).toMatchObject({ raised: 0, told: 0 });
  });

  test('go to no private address, whatever name it goes by, and hold up nobody', async () => {
    const resolve = ((_: string, __: unknown, done: (error: null, addresses: LookupAddress[]) => void) => {
      done(null, [{ address: '127.0.0.1', family: 4 }]);
    }) as unknown as typeof lookup;
    const outside = new Outside({ breakers: new Breakers({ failures: 5, openMs: 300_000 }), allowPrivate: false, now: Date.now, resolve });
    const { port } = new URL(receiver.url);
    const [byName, byHttp] = [
      webhookChannel({ url: `https://hooks.acme.test:${port}/hook`, secret })(outside),
      slackChannel({ url: `${receiver.url}/slack` })(outside),
    ];
    const rest = worker().channels.filter(({ name }) => name === 'mail');
    await park({ tenant });
    expect(await raiseAlerts(worker({}, { channels: [byName, byHttp, ...rest], publicUrl: null }))).toMatchObject({ told: 1, failed: 2 });
    expect(heard()).toEqual([0, 0, 1]);
    expect((await messages(tenant)).map(({ channel, last_error }) => [channel, last_error])).toEqual([
      ['mail', null], ['slack', 'closed_address'], ['webhook', 'closed_address'],
    ]);
    expect(mails[0]?.text).not.toContain('console');
  });

  test.each([
    ['ALERT_WEBHOOK_URL', 'http://hooks.acme.test/x', /ALERT_WEBHOOK_URL: is not an https/],
    ['ALERT_WEBHOOK_URL', 'https://127.0.0.1/x', /ALERT_WEBHOOK_URL: points to a private/],
    ['SLACK_WEBHOOK_URL', 'http://hooks.slack.test/x', /SLACK_WEBHOOK_URL: is not an https/],
    ['SLACK_WEBHOOK_URL', 'https://[::1]/x', /SLACK_WEBHOOK_URL: points to a private/],
    ['ALERT_WEBHOOK_SECRET', '', /ALERT_WEBHOOK_SECRET: is needed/],
    ['GANGWAY_ALERT_MAIL_TO', '', /GANGWAY_ALERT_MAIL_TO: is needed for mail/],
    ['GANGWAY_ALERT_MAIL_FROM', 'gangway', /GANGWAY_ALERT_MAIL_FROM: must be/],
    ['SMTP_URL', 'smtp://mail.acme.test?socketTimeout=0', /SMTP_URL: must be/], ['SMTP_URL', 'http://mail.acme.test', /SMTP_URL: must be/],
  ])('a service does not start with %s = "%s"', (name, value, fault) => {
    const environment = {
      ALERT_WEBHOOK_URL: 'https://hooks.acme.test/x', ALERT_WEBHOOK_SECRET: secret, SLACK_WEBHOOK_URL: 'https://hooks.slack.test/x',
      SMTP_URL: 'smtps://mail.acme.test', GANGWAY_ALERT_MAIL_TO: 'ben@acme.test', GANGWAY_ALERT_MAIL_FROM: 'gangway@acme.test',
    };
    expect(() => readConfiguration(environment)).not.toThrow();
    expect(() => readConfiguration({ ...environment, [name]: value })).toThrow(fault);
  });

  describe('by mail', () => {
    const open: Server[] = [];
    afterEach(async () => { await Promise.all(open.splice(0).map((server) => new Promise((resolve) => { server.close(resolve); }))); });
    const channel = (url: string, more: { timeoutMs?: number; passwordNeedsTls?: boolean } = {}) => mailChannel({
      url, from: 'gangway@acme.test', to: ['ben@acme.test'], timeoutMs: 20_000, passwordNeedsTls: true,
      breaker: new Breakers({ failures: 5, openMs: 300_000 }).outside({ name: 'alert_mail', timeoutMs: 20_000, judge: () => 'failed' }),
      ...more,
    });

    test('a server that speaks without end is left after the time-out', async () => {
      const server = createServer((socket) => {
        const timer = setInterval(() => { socket.write('220-wait\r\n'); }, 20);
        socket.on('error', () => undefined).on('close', () => { clearInterval(timer); });
      });
      open.push(server);
      await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
      await park({ tenant });
      // it speaks for ever: that this ends at all is the time-out
      const slow = channel(`smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeoutMs: 300 });
      expect(await raiseAlerts({ ...worker(), channels: [slow] })).toMatchObject({ told: 0, failed: 1 });
      expect((await messages(tenant))[0]).toMatchObject({ status: 'pending', last_error: 'timeout' });
    });

    test('a password is not sent in the clear, unless that is allowed', async () => {
      const url = `smtp://gangway:s3cret@127.0.0.1:${smtpPort}`;
      await park({ tenant });
      expect(await raiseAlerts({ ...worker(), channels: [channel(url)] })).toMatchObject({ told: 0, failed: 1 });
      await dueNow(tenant);
      expect(await raiseAlerts({ ...worker(), channels: [channel(url, { passwordNeedsTls: false })] }))
        .toMatchObject({ told: 1, failed: 0 });
    });
  });

  test('find the open tasks of all tenants in one query by their index, however many have ended', async () => {
    await park({ tenant, count: 20_000, status: 'completed', endedDaysAgo: 1 });
    await park({ tenant, count: 50 });
    await db.query('ANALYZE tasks');
    const { sql, params } = tenantAlertsStatement({ ageHours: 24, afterTenant: '', limit: 500 });
    const plan = await planOf(sql, params);
    expect(plan).toContain('tasks_open');
    expect(plan).not.toContain('Seq Scan on tasks');
  });

  test('are looked for in all tenants, page after page: each with an open task or an alert that stands comes once', async () => {
    const tenants = Array.from({ length: 5 }, () => newTenant()).sort();
    for (const each of tenants.slice(1)) await park({ tenant: each, count: 2 });
    await db.asSystem().query("INSERT INTO alerts (tenant, kind, key, raised_at, facts) VALUES ($1, 'age', '', now(), '{}')", [tenants[0]]);
    const found: string[] = [];
    for (let page = await tenantAlerts(db.asSystem(), { ageHours: 24, afterTenant: '', limit: 2 }); page.length > 0;) {
      found.push(...page.map(({ facts, known }) => `${facts.tenant} ${facts.open} ${facts.fingerprints.length} ${known.length}`));
      page = await tenantAlerts(db.asSystem(), { ageHours: 24, afterTenant: page.at(-1)?.facts.tenant ?? '', limit: 2 });
    }
    expect(found).toEqual(tenants.map((each, at) => `${each} ${at === 0 ? '0 0 1' : '2 1 0'}`));
  });

  test('that ended are forgotten after the days of the queue, fingerprints never', async () => {
    await db.asTenant(tenant).query(
      `INSERT INTO alerts (tenant, kind, key, raised_at, resolved_at, facts) VALUES ($1, 'age', '', now(), now() - interval '91 days',
         '{}'), ($1, 'capacity', '', now(), now() - interval '89 days', '{}'),
         ($1, 'new_fingerprint', 'known', now() - interval '900 days', NULL, '{}')`, [tenant],
    );
    await raiseAlerts(worker());
    expect(await db.asTenant(tenant).query('SELECT kind FROM alerts ORDER BY kind')).toEqual([
      { kind: 'capacity' }, { kind: 'new_fingerprint' },
    ]);
  });
});

describe('a service with ALERT_WEBHOOK_URL', () => {
  let receiver: Receiver;
  let lease: Lease;
  beforeAll(async () => {
    receiver = await startReceiver(() => ({}));
    lease = await leaseInstance('outside', receiver.port);
  }, leaseMs);
  afterAll(async () => {
    lease.end();
    await receiver.close();
  });

  test('looks by itself and tells each alert once', async () => {
    const [tenant, own] = [newTenant(), await databaseOf(lease.instance)];
    await park({ tenant, count: 2 }, own);
    const alerts = (): Received[] => receiver.requests.filter(({ path, body }) => path === '/alerts' && body.tenant === tenant);
    const told = (event: string) => alerts().filter(({ body }) => body.event === event).map(({ body }): string => body.data.kind).sort();
    await until('both alerts are told', () => told('alert_raised').length >= 2);
    await own.asTenant(tenant).query("UPDATE tasks SET status = 'completed', ended_at = now()");
    await until('the end is told', () => told('alert_recovered').length > 0);
    await own.close();
    expect([told('alert_raised'), told('alert_recovered'), alerts().every((request) => isSigned(request))]).toEqual([
      ['capacity', 'new_fingerprint'], ['capacity'], true,
    ]);
  });
});

describe('the cleanup', () => {
  const tenant = newTenant();
  const count = async (): Promise<number> => Number((await db.asTenant(tenant).query('SELECT count(*) FROM tasks'))[0]?.['count']);

  test('deletes completed and discarded tasks whose days are over, in batches, and nothing else', async () => {
    await park({ tenant, count: 2_400, status: 'completed', endedDaysAgo: 91 });
    await park({ tenant, count: 3, status: 'discarded', endedDaysAgo: 91 });
    await park({ tenant, count: 5, status: 'completed', endedDaysAgo: 89 });
    await park({ tenant, count: 7, hoursAgo: 24 * 400 });
    await park({ tenant, count: 2, status: 'retrying', hoursAgo: 24 * 400 });
    const { sample, ...cleaned } = await cleanUpTasks({ db, keepDays: 90, dryRun: false });
    expect(cleaned).toEqual({ dry_run: false, deleted: 2_403 });
    expect(sample).toHaveLength(20);
    expect(await count()).toBe(14);
    expect(await cleanUpTasks({ db, keepDays: 90, dryRun: false })).toEqual({ dry_run: false, deleted: 0, sample: [] });
  });

  test('deletes nothing in a dry run, and says how many would go and which, by id alone', async () => {
    await park({ tenant, count: 30, status: 'completed', endedDaysAgo: 91 });
    await park({ tenant, count: 5, status: 'completed', endedDaysAgo: 89 });
    const { sample, ...cleaned } = await cleanUpTasks({ db, keepDays: 90, dryRun: true });
    expect(cleaned).toEqual({ dry_run: true, deleted: 30 });
    expect(sample).toEqual(Array.from({ length: 20 }, () => expect.stringMatching(/^[0-9a-f-]{36}$/)));
    expect(await count()).toBe(35);
  });

  test('finds them by its index', async () => {
    await park({ tenant, count: 20_000, status: 'completed', endedDaysAgo: 1 });
    await park({ tenant, count: 200, status: 'completed', endedDaysAgo: 91 });
    await db.query('ANALYZE tasks');
    const { sql, params } = endedTasksStatement({ keepDays: 90, limit: 1_000 });
    for (const statement of [sql, `DELETE FROM tasks WHERE task_id IN (${sql} FOR UPDATE SKIP LOCKED) RETURNING task_id`]) {
      const plan = await planOf(statement, params);
      expect(plan).toContain('tasks_by_end');
      expect(plan).not.toContain('Seq Scan');
    }
  });
});

async function planOf(sql: string, params: readonly unknown[]): Promise<string> {
  const rows = await db.asSystem().query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, params);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

/** Long headers and quoted-printable lines, as they were written. */
function unfolded(mail: string): string {
  return mail.replace(/\r\n[ \t]/g, ' ').replace(/=\r\n/g, '').replace(
    /=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
