/**
 * Errors as the real components throw them: each one is provoked, and its category is told by what it carries. Literal
 * shapes of those that cannot be had on demand are in domain/error-classification.test.ts.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { Connection, Client as TemporalClient } from '@temporalio/client';
import { Redis, type RedisOptions } from 'ioredis';
import { createTransport } from 'nodemailer';
import { Client, Pool, type ClientConfig } from 'pg';
import { SMTPServer } from 'smtp-server';
import { z } from 'zod';
import { retryPolicies, type ErrorCategory } from '../domain/error-category.ts';
import { classify } from '../domain/error-classification.ts';
import { evidenceOf } from '../domain/error-evidence.ts';
import { openTestClickHouse, type TestClickHouse } from '../stores/clickhouse/testing.ts';
import { connectEngine } from '../engine/connection.ts';
import { storesOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';

type Provoked = readonly [what: string, provoke: () => Promise<unknown>, category: ErrorCategory, by: string, lasting?: true];

const ends: (() => unknown)[] = [];
let urls: { databaseUrl: string; redisUrl: string; temporalAddress: string };
let pg: Client;
let clickhouse: TestClickHouse;
let engine: Awaited<ReturnType<typeof connectEngine>>;

beforeAll(async () => {
  urls = await storesOf(await sharedInstance(), '');
  pg = await connected();
  clickhouse = await openTestClickHouse();
  engine = await connectEngine({ address: urls.temporalAddress, namespace: 'default' });
  ends.push(() => clickhouse.close(), () => engine.connection.close());
});
afterAll(async () => { for (const end of ends.reverse()) await end(); });

async function connected(options: ClientConfig = {}): Promise<Client> {
  const client = new Client({ connectionString: urls.databaseUrl, ...options });
  client.on('error', () => {});
  await client.connect();
  ends.push(() => client.end().catch(() => {}));
  return client;
}

/** One statement of several commands, undone whatever happens. */
function sql(text: string): () => Promise<unknown> {
  return async () => {
    try {
      return await pg.query(`BEGIN; ${text}`);
    } finally {
      await pg.query('ROLLBACK');
    }
  };
}

async function deadlock(): Promise<unknown> {
  const other = await connected();
  await Promise.all([pg.query('BEGIN; SELECT pg_advisory_xact_lock(77001)'), other.query('BEGIN; SELECT pg_advisory_xact_lock(77002)')]);
  const both = await Promise.allSettled([
    pg.query('SELECT pg_advisory_xact_lock(77002)'), other.query('SELECT pg_advisory_xact_lock(77001)'),
  ]);
  await Promise.all([pg.query('ROLLBACK'), other.query('ROLLBACK')]);
  throw both.find((each) => each.status === 'rejected')?.reason;
}

async function terminated(): Promise<unknown> {
  const victim = await connected();
  const { rows: [row] } = await victim.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const waiting = victim.query('SELECT pg_sleep(20)');
  await Promise.all([pg.query('SELECT pg_terminate_backend($1)', [row?.pid]), waiting]);
  return waiting;
}

const with_ = (change: (url: URL) => void) => (): Promise<unknown> => {
  const url = new URL(urls.databaseUrl);
  change(url);
  return connected({ connectionString: url.href, connectionTimeoutMillis: 2_000 });
};

async function fullPool(): Promise<unknown> {
  const pool = new Pool({ connectionString: urls.databaseUrl, max: 1, connectionTimeoutMillis: 50 });
  const taken = await pool.connect();
  try {
    return await pool.connect();
  } finally {
    taken.release();
    await pool.end();
  }
}

type RedisSettings = Pick<RedisOptions, 'retryStrategy' | 'maxRetriesPerRequest' | 'commandTimeout' | 'enableReadyCheck'
  | 'enableOfflineQueue' | 'lazyConnect' | 'username' | 'password'>;

async function redis(options: RedisSettings, work: (client: Redis) => Promise<unknown>, url = urls.redisUrl): Promise<unknown> {
  const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => 50, ...options });
  client.on('error', () => {});
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}
const asked = (...[command, ...args]: readonly [string, ...string[]]) => (): Promise<unknown> => redis(
  {}, (client) => client.call(command, ...args),
);

async function limitedUser(): Promise<unknown> {
  const user = `test-${randomUUID()}`;
  return redis({}, async (client) => {
    await client.acl('SETUSER', user, 'on', '>pw', '+auth');
    try {
      return await redis({ username: user, password: 'pw', enableReadyCheck: false }, (limited) => limited.get('x'));
    } finally {
      await client.acl('DELUSER', user);
    }
  });
}

/** The address of a server that does with each connection what `talk` says. */
async function listening(talk: (socket: Socket) => void): Promise<{ readonly port: number; readonly server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    talk(socket);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  ends.push(() => { for (const socket of sockets) socket.destroy(); server.close(); });
  return { port: (server.address() as AddressInfo).port, server };
}

async function closedPort(): Promise<number> {
  const { port, server } = await listening(() => {});
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}

const answering = (text: string) => async (): Promise<string> => {
  const { port } = await listening((socket) => { socket.once('data', () => { socket.end(text); }); });
  return `http://127.0.0.1:${port}`;
};
const silent = async (): Promise<string> => `http://127.0.0.1:${(await listening((socket) => { socket.resume(); })).port}`;
const fetched = (of: () => Promise<string> | string, options: RequestInit = {}) => async (): Promise<unknown> => {
  const response = await fetch(await of(), options);
  return response.json();
};

/** The client's own error for what a server answers. */
const clickhouseAnswer = (status: number, code: number, type: string) => async (): Promise<unknown> => {
  const server = createHttpServer((_, response) => {
    response.writeHead(status, { 'X-ClickHouse-Exception-Code': String(code) }).end(
      `Code: ${code}. DB::Exception: told by a test. (${type}) (version 25.8)`,
    );
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const client = createClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, request_timeout: 2_000, log: { level: ClickHouseLogLevel.OFF },
  });
  try {
    return await client.query({ query: 'SELECT 1' });
  } finally {
    await client.close();
    server.close();
  }
};

async function mailed(code: number): Promise<unknown> {
  const server = new SMTPServer({
    authOptional: true, disabledCommands: ['STARTTLS'],
    onRcptTo: (_, __, done) => { done(Object.assign(new Error('no'), { responseCode: code })); },
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  try {
    return await createTransport({ host: '127.0.0.1', port: (server.server.address() as AddressInfo).port, secure: false }).sendMail(
      { from: 'a@example.org', to: 'b@example.org', text: 'x' },
    );
  } finally {
    await new Promise<void>((resolve) => { server.close(resolve); });
  }
}

async function startedTwice(): Promise<unknown> {
  const options = { workflowId: `errors-${randomUUID()}`, taskQueue: 'nobody', args: [] };
  const handle = await engine.client.workflow.start('none', options);
  try {
    return await engine.client.workflow.start('none', options);
  } finally {
    await handle.terminate();
  }
}

const postgresql: readonly Provoked[] = [
  ['a table that is not there', sql('SELECT * FROM nothing_here'), 'data_integrity', 'SQLSTATE 42P01'],
  ['a column that is not there', sql('SELECT nothing FROM sessions'), 'data_integrity', 'SQLSTATE 42703'],
  ['a function that is not there', sql('SELECT nothing()'), 'data_integrity', 'SQLSTATE 42883'],
  ['SQL that is none', sql('SELEKT'), 'data_integrity', 'SQLSTATE 42601'],
  ['a key twice', sql('CREATE TEMP TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1), (1)'), 'data_integrity', 'SQLSTATE 23505'],
  [
    'no value where one has to be', sql('CREATE TEMP TABLE t (a int NOT NULL); INSERT INTO t VALUES (NULL)'), 'data_integrity',
    'SQLSTATE 23502',
  ],
  ['a check that fails', sql('CREATE TEMP TABLE t (a int CHECK (a > 1)); INSERT INTO t VALUES (1)'), 'data_integrity', 'SQLSTATE 23514'],
  [
    'a reference to nothing',
    sql('CREATE TEMP TABLE t (a int PRIMARY KEY); CREATE TEMP TABLE u (a int REFERENCES t); INSERT INTO u VALUES (1)'), 'data_integrity',
    'SQLSTATE 23503',
  ],
  ['an error that SQL raises', sql("DO $$ BEGIN RAISE EXCEPTION 'no'; END $$"), 'data_integrity', 'SQLSTATE P0001'],
  ['text for a number', sql("SELECT 'ana'::int"), 'validation', 'SQLSTATE 22P02'],
  ['a division by zero', sql('SELECT 1 / 0'), 'validation', 'SQLSTATE 22012'],
  ['a text that is too long', sql("CREATE TEMP TABLE t (a varchar(2)); INSERT INTO t VALUES ('abc')"), 'validation', 'SQLSTATE 22001'],
  ['a number that is too large', sql('SELECT 99999999999::int'), 'validation', 'SQLSTATE 22003'],
  ['a date that is none', sql("SELECT '2026-02-31'::date"), 'validation', 'SQLSTATE 22008'],
  ['U+0000', () => pg.query('SELECT $1::text', ['a\u0000b']), 'validation', 'SQLSTATE 22021'],
  ['a query that takes too long', sql('SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)'), 'database', 'SQLSTATE 57014'],
  ['a lock that another has', async () => {
    const other = await connected();
    await other.query('BEGIN; LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE');
    try {
      return await sql('LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE NOWAIT')();
    } finally {
      await other.query('ROLLBACK');
    }
  }, 'database', 'SQLSTATE 55P03'],
  ['a deadlock', deadlock, 'database', 'SQLSTATE 40P01'],
  ['writing where only reading is allowed', sql('SET TRANSACTION READ ONLY; DELETE FROM api_keys'), 'database', 'SQLSTATE 25006'],
  ['what is not allowed', sql('SELECT * FROM pg_authid'), 'authorization', 'SQLSTATE 42501'],
  ['a wrong password', with_((url) => { url.password = 'wrong'; }), 'authorization', 'SQLSTATE 28P01'],
  ['a connection that is ended by the server', terminated, 'database', 'SQLSTATE 57P01'],
  ['a database that is not there', with_((url) => { url.pathname = '/nothing'; }), 'data_integrity', 'SQLSTATE 3D000'],
  ['a pool without a free connection', fullPool, 'database', 'the sentence of a driver at postgresql'],
  [
    'the driver\'s own time-out', async () => (await connected({ query_timeout: 30 })).query('SELECT pg_sleep(0.5)'), 'database',
    'the sentence of a driver at postgresql',
  ],
  [
    'nobody there, of whom only the port is known',
    async () => { const port = String(await closedPort()); return with_((url) => { url.port = port; })(); }, 'network', 'code ECONNREFUSED',
  ],
];

const redisErrors: readonly Provoked[] = [
  [
    'a key of another type',
    async () => {
      const key = randomUUID();
      return redis({}, async (client) => { await client.set(key, 'x', 'EX', 5); return client.lpush(key, 'a'); });
    },
    'data_integrity', 'Redis WRONGTYPE',
  ],
  ['a command that is none', asked('NOTHING'), 'validation', 'Redis ERR'],
  ['arguments that are wrong', asked('SET', 'a'), 'validation', 'Redis ERR'],
  ['a number that is none', asked('EXPIRE', 'a', 'b'), 'validation', 'Redis ERR'],
  ['a script that is not loaded', asked('EVALSHA', '0'.repeat(40), '0'), 'cache', 'Redis NOSCRIPT'],
  ['a wrong password', asked('AUTH', 'nobody', 'wrong'), 'authorization', 'Redis WRONGPASS'],
  ['a command that is not allowed', limitedUser, 'authorization', 'Redis NOPERM'],
  [
    'a transaction that is broken',
    () => redis({}, async (client) => {
      await client.call('MULTI');
      await client.call('NOTHING').catch(() => {});
      return client.call('EXEC');
    }),
    'cache', 'Redis EXECABORT',
  ],
  [
    'nobody there',
    async () => redis(
      { retryStrategy: () => null, maxRetriesPerRequest: null }, (client) => client.get('x'), `redis://127.0.0.1:${await closedPort()}`,
    ),
    'cache', 'at redis',
  ],
  [
    'nobody there, tried as often as allowed',
    async () => redis(
      { retryStrategy: () => 1, maxRetriesPerRequest: 1 }, (client) => client.get('x'), `redis://127.0.0.1:${await closedPort()}`,
    ),
    'cache', 'class MaxRetriesPerRequestError at redis',
  ],
  [
    'no answer in time',
    async () => redis(
      { commandTimeout: 50, enableReadyCheck: false }, (client) => client.get('x'), (await silent()).replace('http', 'redis'),
    ),
    'cache', 'the sentence of a driver at redis',
  ],
  [
    'no queue while it is away', () => redis({ enableOfflineQueue: false, lazyConnect: true }, (client) => client.get('x')), 'cache',
    'the sentence of a driver at redis',
  ],
  [
    'closed by us', () => redis({}, async (client) => { await client.ping(); client.disconnect(); return client.get('x'); }), 'cache',
    'the sentence of a driver at redis',
  ],
];

const query = (text: string) => (): Promise<unknown> => clickhouse.query({ sql: text, params: {} });
const clickhouseErrors: readonly Provoked[] = [
  ['a table that is not there', query('SELECT 1 FROM nothing'), 'data_integrity', 'ClickHouse 60'],
  ['a column that is not there', query('SELECT nothing FROM system.one'), 'data_integrity', 'ClickHouse 47'],
  ['a function that is not there', query('SELECT no_such_function(1)'), 'data_integrity', 'ClickHouse 46'],
  ['SQL that is none', query('SELEKT'), 'data_integrity', 'ClickHouse 62'],
  ['a text that is no number', query("SELECT toUInt8('ana')"), 'validation', 'ClickHouse 6'],
  [
    'a query that takes too long',
    () => clickhouse.query({ sql: 'SELECT sum(number) FROM numbers(100000000000)', params: {} }, { maxSeconds: 0.1 }), 'database',
    'class StoreLimitError time', true,
  ],
  [
    'a column too many',
    async () => {
      await clickhouse.command('CREATE TABLE few (a UInt8) ENGINE = MergeTree ORDER BY a');
      return clickhouse.insert('few', [{ a: 1, b: 2 }]);
    },
    'validation', 'ClickHouse 117',
  ],
  ['a server with too many queries', clickhouseAnswer(500, 202, 'TOO_MANY_SIMULTANEOUS_QUERIES'), 'database', 'ClickHouse 202'],
  ['a server with too many parts', clickhouseAnswer(500, 252, 'TOO_MANY_PARTS'), 'database', 'ClickHouse 252'],
  ['a server that is read-only', clickhouseAnswer(500, 242, 'TABLE_IS_READ_ONLY'), 'database', 'ClickHouse 242'],
  ['a server that knows us not', clickhouseAnswer(403, 516, 'AUTHENTICATION_FAILED'), 'authorization', 'ClickHouse 516'],
  ['a server that allows it not', clickhouseAnswer(403, 497, 'ACCESS_DENIED'), 'authorization', 'ClickHouse 497'],
];

const temporal: readonly Provoked[] = [
  [
    'a workflow that never was', () => engine.client.workflow.getHandle(randomUUID()).describe(), 'state_transition',
    'class WorkflowNotFoundError',
  ],
  [
    'a message to a workflow that never was', () => engine.client.workflow.getHandle(randomUUID()).signal('x'), 'state_transition',
    'class WorkflowNotFoundError',
  ],
  ['a workflow that runs already', startedTwice, 'state_transition', 'class WorkflowExecutionAlreadyStartedError'],
  [
    'a namespace that is not there',
    () => new TemporalClient({ connection: engine.connection, namespace: 'nothing' }).workflow.start(
      'x', { workflowId: 'x', taskQueue: 'x' },
    ),
    'validation', 'class NamespaceNotFoundError',
  ],
  [
    'no time left', () => engine.client.withDeadline(Date.now() - 1, () => engine.client.workflow.getHandle('x').describe()), 'network',
    'gRPC status 4',
  ],
  [
    'a request that makes no sense',
    () => engine.client.workflowService.startWorkflowExecution({
      namespace: 'default', workflowId: '', workflowType: { name: 'x' }, taskQueue: { name: 'x' },
    }),
    'validation', 'gRPC status 3',
  ],
  [
    'nobody there', async () => Connection.connect({ address: `127.0.0.1:${await closedPort()}`, connectTimeout: 300 }), 'network',
    'the sentence of a driver at temporal',
  ],
];

const http: readonly Provoked[] = [
  ['a refused connection', fetched(async () => `http://127.0.0.1:${await closedPort()}`), 'network', 'code ECONNREFUSED'],
  ['a name that is not there', fetched(() => 'http://nothing.invalid'), 'network', 'code E'],
  ['no answer in time', fetched(silent, { signal: AbortSignal.timeout(50) }), 'network', 'class TimeoutError'],
  ['aborted', fetched(silent, { signal: AbortSignal.abort() }), 'network', 'class AbortError'],
  ['a connection that is closed before the answer', fetched(answering('')), 'network', 'code UND_ERR_SOCKET'],
  ['a body that ends too early', fetched(answering('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{')), 'network', 'code UND_ERR'],
  ['an answer that is no HTTP', fetched(answering('SSH-2.0-x\r\n\r\n')), 'network', 'class HTTPParserError'],
  [
    'TLS where there is none', fetched(async () => (await answering('HTTP/1.1 400 Bad Request\r\n\r\n')()).replace('http', 'https')),
    'network', 'code ',
  ],
  ['an address that is none', fetched(() => 'http://'), 'validation', 'code ERR_INVALID_URL'],
  [
    'HTML in the place of JSON', fetched(answering('HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>')),
    'validation', 'class SyntaxError',
  ],
  [
    'a reset connection',
    fetched(
      async () => `http://127.0.0.1:${(await listening((socket) => { socket.once('data', () => { socket.resetAndDestroy(); }); })).port}`,
    ),
    'network', 'code ECONNRESET',
  ],
];

const others: readonly Provoked[] = [
  ['an input that breaks its schema', () => z.object({ a: z.number() }).parseAsync({ a: 'x' }), 'validation', 'class ZodError'],
  ['a mailbox that is not there', () => mailed(550), 'external_api', 'smtp 550', true],
  ['a mailbox that is full', () => mailed(452), 'external_api', 'smtp 452'],
  [
    'a mail server that is not there',
    async () => createTransport({ host: '127.0.0.1', port: await closedPort() }).sendMail({
      from: 'a@example.org', to: 'b@example.org', text: 'x',
    }),
    'network', 'code E',
  ],
];

/** What `provoke` rejects with. */
async function caught(provoke: () => Promise<unknown>): Promise<unknown> {
  try {
    await provoke();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

describe.each([
  ['PostgreSQL', postgresql], ['Redis', redisErrors], ['ClickHouse', clickhouseErrors], ['Temporal', temporal], ['HTTP', http],
  ['other', others],
] as const)('Error categorization of real errors: %s', (_, rows) => {
  test.each(rows.map((row) => [row[0], row] as const))('%s', async (__, [, provoke, category, by, lasting]) => {
    const error = await caught(provoke);
    const found = classify(evidenceOf(error));
    expect(found).toMatchObject({
      category, unclassified: false, severity: retryPolicies[category].severity,
      retryable: lasting !== true && retryPolicies[category].tries > 1,
    });
    expect(found.matched_by).toContain(by);
    expect(found.matched_by).not.toMatch(/^word/);
  });
});
