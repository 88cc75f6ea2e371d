/** Each kind of error gets its category from what its driver sets on it, rather than from what it says. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { errorCategories, retryDelayMs, retryPolicies, type ErrorCategory } from './error-category.ts';
import { classify } from './error-classification.ts';
import { evidenceOf, maxCauses } from './error-evidence.ts';
import type { ErrorPlace } from './error-places.ts';

type Row = readonly [title: string, error: unknown, category: ErrorCategory, retryable: boolean, at?: ErrorPlace];

/** As a driver throws it: members on a plain Error. */
function made(name: string, members: Readonly<Record<string, unknown>>, message = ''): Error {
  return Object.assign(new Error(message), { name }, members);
}
const pg = (code: string): Error => made('error', { code, severity: 'ERROR', routine: 'exec' }, 'refused');
const errno = (code: string, members: object = {}): Error => made(
  'Error', { code, errno: -111, syscall: 'connect', ...members }, `connect ${code} 127.0.0.1:1`,
);
const fetchFailed = (cause: unknown): Error => Object.assign(new TypeError('fetch failed'), { cause });
const reply = (message: string): Error => made('ReplyError', { command: { name: 'get', args: [] } }, message);
const clickhouse = (code: string): Error => Object.assign(new (class ClickHouseError extends Error {})('failed'), { code, type: 'X' });
const grpc = (code: number): Error => made('ServiceError', {
  cause: made('Error', { code, details: 'no', metadata: {} }, `${code} X: no`),
});
const openai = (name: string, status: number | undefined, members: object = {}): Error => made(
  name, { status, requestID: 'req_1', headers: {}, ...members }, `${status ?? ''} no`,
);
const model = (failure: string, status: number | null = null): Error => made('ModelCallError', {
  failure, status, retryAfterSeconds: null,
});
const target = (kind: string, status: number | null = null): Error => made('ChangeTargetError', { kind, status, retryAfterMs: null });
const failure = (type: string, members: object = {}): Error => made('ApplicationFailure', { type, ...members });
const smtp = (code: string, responseCode: number): Error => made('Error', { code, responseCode, command: 'DATA' }, 'Message failed');

function each<Of>(values: readonly Of[], row: (value: Of) => Row): Row[] {
  return values.map(row);
}

const stores: readonly Row[] = [
  ...each(
    [
      '40001', '40P01', '53100', '53200', '53300', '57P01', '57P02', '57P03', '57014', '08000', '08003', '08006', '08P01', '55P03', '25006',
      '25P02', '25P03', '58030', '58P01',
    ],
    (code) => [`SQLSTATE ${code}`, pg(code), 'database', true],
  ),
  ...each(
    [
      '23505', '23503', '23502', '23514', '23P01', '23001', '42P01', '42703', '42601', '42883', '42804', '0A000', '21000', '44000', '55000',
      'P0001', 'XX001', 'XX002', '3D000',
    ],
    (code) => [`SQLSTATE ${code}`, pg(code), 'data_integrity', false],
  ),
  ...each(['22P02', '22001', '22003', '22007', '22008', '22012', '22021', '22023', '54000', '54001'], (code) => [
    `SQLSTATE ${code}`, pg(code), 'validation', false,
  ]),
  ...each(['42501', '28P01', '28000'], (code) => [`SQLSTATE ${code}`, pg(code), 'authorization', false]),
  ...each(
    [
      'Connection terminated unexpectedly', 'timeout exceeded when trying to connect', 'Query read timeout',
      'Client has encountered a connection error and is not queryable', 'Connection terminated due to connection timeout',
    ],
    (message) => [`pg: ${message}`, new Error(message), 'database', true],
  ),
  ...each(
    [
      'LOADING Redis is loading the dataset in memory', 'OOM command not allowed', 'READONLY You can\'t write', 'BUSY Redis is busy',
      'CLUSTERDOWN Hash slot not served', 'NOSCRIPT No matching script', 'MASTERDOWN Link', 'TRYAGAIN Multiple keys',
      'MISCONF Errors writing', 'EXECABORT Transaction discarded', 'MOVED 1 127.0.0.1:1', 'ERR max number of clients reached',
    ],
    (message) => [message, reply(message), 'cache', true],
  ),
  ...each(
    [
      'WRONGPASS invalid username-password pair', 'NOAUTH Authentication required.', 'NOPERM this user has no permissions',
      'ERR invalid password',
    ],
    (message) => [message, reply(message), 'authorization', false],
  ),
  ...each(['ERR syntax error', 'ERR value is not an integer or out of range', "ERR unknown command 'x'"], (message) => [
    message, reply(message), 'validation', false,
  ]),
  ...each(['WRONGTYPE Operation against a key', 'CROSSSLOT Keys in request'], (message) => [
    message, reply(message), 'data_integrity', false,
  ]),
  ...each(
    [
      'Command timed out', 'Connection is closed.', "Stream isn't writeable and enableOfflineQueue options is false",
      "Socket timeout. Expecting data, but didn't receive any in 5ms.",
    ],
    (message) => [`ioredis: ${message}`, new Error(message), 'cache', true],
  ),
  [
    'ioredis: connect ETIMEDOUT', made('Error', { code: 'ETIMEDOUT', errorno: 'ETIMEDOUT', syscall: 'connect' }, 'connect ETIMEDOUT'),
    'cache', true,
  ],
  ['ioredis: given up', made('MaxRetriesPerRequestError', {}, 'Reached the max retries per request limit (which is 1).'), 'cache', true],
  ['ioredis: a cluster', made('ClusterAllFailedError', { lastNodeError: errno('ECONNREFUSED') }), 'cache', true],
  ...each(['159', '202', '203', '209', '210', '241', '242', '252', '279', '285', '319', '999'], (code) => [
    `ClickHouse ${code}`, clickhouse(code), 'database', true,
  ]),
  ...each(['158', '160', '396'], (code) => [`ClickHouse ${code}`, clickhouse(code), 'database', false]),
  ...each(['16', '47', '57', '60', '62', '81', '386'], (code) => [`ClickHouse ${code}`, clickhouse(code), 'data_integrity', false]),
  ...each(['6', '27', '36', '41', '53', '72', '117', '130'], (code) => [`ClickHouse ${code}`, clickhouse(code), 'validation', false]),
  ...each(['192', '193', '497', '516'], (code) => [`ClickHouse ${code}`, clickhouse(code), 'authorization', false]),
  ['ClickHouse in the process', new Error('Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)'), 'data_integrity', false],
];

const lines: readonly Row[] = [
  ...each(
    [
      'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH',
      'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_SOCKET', 'HPE_INVALID_CONSTANT',
      'ERR_SSL_WRONG_VERSION_NUMBER',
    ],
    (code) => [`fetch with ${code}`, fetchFailed(errno(code)), 'network', true],
  ),
  ...each(
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'SELF_SIGNED_CERT_IN_CHAIN',
    ],
    (code) => [`a certificate: ${code}`, fetchFailed(errno(code)), 'authorization', false],
  ),
  [
    'fetch with addresses that all refuse',
    fetchFailed(Object.assign(new AggregateError([errno('ECONNREFUSED'), errno('ECONNREFUSED')], ''), { code: 'ECONNREFUSED' })), 'network',
    true,
  ],
  [
    'addresses that all refuse, without a code', fetchFailed(new AggregateError([new Error('x'), errno('EHOSTUNREACH')], '')), 'network',
    true,
  ],
  ...each(
    [[5432, 'database'], [6379, 'cache'], [8123, 'database'], [7233, 'network'], [443, 'network']] as const,
    ([port, category]) => [`refused at port ${port}`, errno('ECONNREFUSED', { port }), category, true],
  ),
  ['refused by Redis', errno('ECONNREFUSED'), 'cache', true, 'redis'],
  ['refused by PostgreSQL', errno('ECONNREFUSED'), 'database', true, 'postgresql'],
  ['refused by the model', fetchFailed(errno('ECONNREFUSED')), 'llm_api', true, 'llm'],
  ['time is up', new DOMException('The operation was aborted due to timeout', 'TimeoutError'), 'network', true],
  ['time is up for the model', new DOMException('The operation was aborted due to timeout', 'TimeoutError'), 'llm_api', true, 'llm'],
  ['aborted', new DOMException('This operation was aborted', 'AbortError'), 'network', true],
  ...each([408, 409, 425, 429, 500, 502, 503, 504, 529], (status) => [`HTTP ${status}`, made('Error', { status }), 'external_api', true]),
  ...each([301, 501], (status) => [`HTTP ${status}`, made('Error', { status }), 'external_api', false]),
  ...each([400, 404, 405, 410, 413, 415, 422], (status) => [
    `HTTP ${status}`, made('Error', { response: { status } }), 'validation', false,
  ]),
  ...each([401, 403, 407], (status) => [`HTTP ${status}`, made('Error', { statusCode: status }), 'authorization', false]),
  ...each([412, 423], (status) => [`HTTP ${status}`, made('Error', { status }), 'state_transition', false]),
  ['a URL that is none', Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: 'x' }), 'validation', false],
  ['JSON that is none', new SyntaxError('Unexpected token < in JSON at position 0'), 'validation', false],
  ['JSON of a model that is none', new SyntaxError('Unexpected token < in JSON at position 0'), 'llm_api', true, 'llm'],
  ...each(
    [[421, 'external_api', true], [450, 'external_api', true], [550, 'external_api', false]] as const,
    ([code, category, again]) => [`mail: ${code}`, smtp('EMESSAGE', code), category, again],
  ),
  ['mail: 535', smtp('EAUTH', 535), 'authorization', false],
];

const engine: readonly Row[] = [
  ...each([1, 2, 4, 8, 10, 13, 14], (code) => [`gRPC ${code}`, grpc(code), 'network', true]),
  ...each([5, 6, 9], (code) => [`gRPC ${code}`, grpc(code), 'state_transition', false]),
  ...each([3, 11, 12], (code) => [`gRPC ${code}`, grpc(code), 'validation', false]),
  ...each([7, 16], (code) => [`gRPC ${code}`, grpc(code), 'authorization', false]),
  ...each(['START_TO_CLOSE', 'SCHEDULE_TO_START', 'HEARTBEAT'], (timeoutType) => [
    `an activity out of time: ${timeoutType}`, made('ActivityFailure', { cause: made('TimeoutFailure', { timeoutType }) }), 'network', true,
  ]),
  ['out of time after a failure', made('TimeoutFailure', { timeoutType: 'SCHEDULE_TO_CLOSE', cause: failure('llm_api') }), 'llm_api', true],
  ...each(['WorkflowNotFoundError', 'WorkflowExecutionAlreadyStartedError', 'CancelledFailure', 'TerminatedFailure'], (name) => [
    name, made(name, {}), 'state_transition', false,
  ]),
  ['WorkflowUpdateRPCTimeoutOrCancelledError', made('WorkflowUpdateRPCTimeoutOrCancelledError', { cause: grpc(4) }), 'network', true],
  ...each(errorCategories, (category) => [
    `a failure that names ${category}`, made('ActivityFailure', { cause: failure(category) }), category, retryPolicies[category].tries > 1,
  ]),
  ['a failure that is not to be tried again', failure('llm_api', { nonRetryable: true }), 'llm_api', false],
  ['a failure that names a class', failure('MaxRetriesPerRequestError'), 'cache', true],
];

const models: readonly Row[] = [
  ...each(['timeout', 'network', 'aborted', 'breaker_open'], (kind) => [`model: ${kind}`, model(kind), 'llm_api', true]),
  ...each([408, 409, 429, 500, 502, 503, 529], (status) => [`model: HTTP ${status}`, model('status', status), 'llm_api', true]),
  ...each([400, 404, 413, 422], (status) => [`model: HTTP ${status}`, model('status', status), 'llm_api', false]),
  ...each([401, 403], (status) => [`model: HTTP ${status}`, model('status', status), 'authorization', false]),
  ['model: budget used up', made('ModelBudgetError', { code: 'model_budget_exceeded' }), 'llm_api', true],
  ['model: budget unknown', made('ModelBudgetError', { code: 'limiter_unavailable' }), 'llm_api', true],
  ...each([
    ['RateLimitError', 429, true], ['InternalServerError', 500, true], ['InternalServerError', 529, true], ['ConflictError', 409, true],
    ['BadRequestError', 400, false], ['NotFoundError', 404, false], ['UnprocessableEntityError', 422, false],
  ] as const,
    ([name, status, again]) => [`OpenAI's client: ${name} ${status}`, openai(name, status), 'llm_api', again]),
  ...each([['AuthenticationError', 401], ['PermissionDeniedError', 403]] as const, ([name, status]) => [
    `OpenAI's client: ${name}`, openai(name, status), 'authorization', false,
  ]),
  ["OpenAI's client: quota", openai('RateLimitError', 429, { code: 'insufficient_quota', type: 'insufficient_quota' }), 'llm_api', false],
  [
    "OpenAI's client: too long",
    openai('BadRequestError', 400, { error: { code: 'context_length_exceeded', type: 'invalid_request_error', message: 'long' } }),
    'llm_api', false,
  ],
  ...each(['APIConnectionError', 'APIConnectionTimeoutError', 'APIUserAbortError'], (name) => [
    `OpenAI's client: ${name}`, openai(name, undefined, { cause: fetchFailed(errno('ECONNRESET')) }), 'llm_api', true,
  ]),
];

const own: readonly Row[] = [
  ...each([
    ['redis', 'cache'], ['postgresql', 'database'], ['clickhouse', 'database'], ['files', 'database'],
  ] as const, ([store, category]) => [
    `${store} away`, made('StoreUnavailableError', { store, cause: errno('ECONNREFUSED') }), category, true,
  ]),
  ...each(['time', 'memory'], (limit) => [`a query that needs more ${limit}`, made('StoreLimitError', { limit }), 'database', false]),
  ['the engine away', made('EngineUnavailableError', { status: 14 }), 'network', true],
  ...each(['unreachable', 'busy'], (kind) => [`change target: ${kind}`, target(kind), 'external_api', true]),
  ['change target: HTTP 503', target('unreachable', 503), 'external_api', true],
  ...each(['refused', 'wrong_answer'], (kind) => [
    `change target: ${kind}`, target(kind, kind === 'refused' ? 422 : null), 'external_api', false,
  ]),
  ['change target: HTTP 403', target('refused', 403), 'authorization', false],
  ...each(
    [['timeout', true], ['connection', true], ['closed_address', false], ['too_large', false]] as const,
    ([reason, again]) => [
      `a request: ${reason}`, made('OutgoingRequestError', { reason, cause: errno('ECONNRESET') }), 'external_api', again,
    ],
  ),
  ...each([['model', 'llm_api'], ['change_target', 'external_api'], ['limiter', 'cache']] as const, ([breaker, category]) => [
    `breaker of ${breaker}`, made('BreakerOpenError', { breaker, retryAfterMs: 5 }), category, true,
  ]),
  ...each(['KeyUnavailableError', 'SealBrokenError', 'SchemaMismatchError'], (name) => [name, made(name, {}), 'data_integrity', false]),
  ...each(['ZodError', 'ExpressionError', 'ConfigurationError'], (name) => [name, made(name, { issues: [] }), 'validation', false]),
  ...each(['MessageRejected', 'NoOpenRunError'], (name) => [name, made(name, {}), 'state_transition', false]),
];

const spoken: readonly Row[] = ([
  ['Invalid state transition from a to b', 'state_transition'], ['authentication failed', 'authorization'],
  ['deadlock detected', 'database'],
  ['redis: connection refused', 'cache'], ['the LLM timed out', 'llm_api'], ['socket hang up', 'network'],
  ['connection refused', 'network'],
  ['checksum mismatch', 'data_integrity'], ['a name is required', 'validation'],
] as const).map(([message, category]) => [`only words: ${message}`, new Error(message), category, retryPolicies[category].tries > 1]);

const table = [...stores, ...lines, ...engine, ...models, ...own, ...spoken];
const judged = ([, error, , , at]: Row) => classify(evidenceOf(error), at === undefined ? {} : { at });

describe('Error categorization', () => {
  // the row as one argument: Jest takes a parameter that a shorter row does not fill for its callback `done`, and waits for it
  test.each(table.map((row) => [row[0], row] as const))('%s', (_, row) => {
    expect(judged(row)).toMatchObject({ category: row[2], retryable: row[3], unclassified: false });
    expect(judged(row).matched_by).toMatch(row[0].startsWith('only words') ? /^word '/ : /^(?!word)./);
  });

  test('holds more than 150 different errors', () => {
    expect(new Set(table.map(([title]) => title)).size).toBeGreaterThanOrEqual(150);
  });

  test.each([
    'the job failed', 'see the email', 'bad runtime', 'a daily sentiment', 'the restoration is done', 'databases', '',
  ])('no rule takes a part of a word for a word: %s', (message) => {
    expect(classify(evidenceOf(new Error(message)))).toMatchObject({
      category: 'external_api', severity: 'medium', unclassified: true, retryable: true, matched_by: 'no rule',
    });
  });

  test('an error that no rule knows is tried three times in all, and says so', () => {
    const found = classify(evidenceOf(new RangeError('Maximum call stack size exceeded')));
    expect(found).toMatchObject({ unclassified: true, severity: 'medium' });
    expect([1, 2, 3].map((attempt) => retryDelayMs({ ...found, attempt, random: () => 0.5 }))).toEqual([5_000, 10_000, null]);
  });

  test('says what decided, and nothing else of the message', () => {
    const by = (error: unknown): string => classify(evidenceOf(error)).matched_by;
    expect(by(pg('40P01'))).toBe('SQLSTATE 40P01');
    expect(by(errno('ECONNREFUSED', { port: 6379 }))).toBe('code ECONNREFUSED at redis');
    expect(by(model('status', 429))).toBe('class ModelCallError status HTTP 429');
    expect(by(new Error('ana@example.org: connection refused'))).toBe("word 'connection refused'");
  });

  test('what is thrown may be anything: it is read without a second error', () => {
    const cyclic: { cause?: unknown } = {};
    cyclic.cause = cyclic;
    expect(evidenceOf(cyclic).cause).toBeUndefined();
    const hostile = { get message(): string { throw new Error('no'); }, get cause(): never { throw new Error('no'); } };
    const proxy = new Proxy({}, { get: () => { throw new Error('no'); } });
    for (const thrown of [cyclic, hostile, proxy, Object.create(null), null, undefined, 7, 'x', Symbol('x'), () => 1]) {
      expect(classify(evidenceOf(thrown)).unclassified).toBe(true);
    }
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withDate: true, withMap: true }), (thrown) => { classify(evidenceOf(thrown)); }),
    );
  });

  test('a chain is read to a bound, and so is a message', () => {
    let deep: unknown = errno('ECONNRESET');
    for (let at = 1; at < maxCauses; at += 1) deep = made('Wrapper', { cause: deep });
    expect(classify(evidenceOf(deep)).category).toBe('network');
    expect(classify(evidenceOf(made('Wrapper', { cause: deep }))).unclassified).toBe(true);
    expect(evidenceOf(new Error('x'.repeat(1_000_000))).message.length).toBe(2_000);
  });

  test('what a server asks for is read from its headers, ours and Temporal\'s fields; an open breaker keeps its category\'s delay', () => {
    const now = Date.parse('2026-11-25T08:00:00Z');
    const wait = (members: object, name = 'Error'): number | null => classify(
      evidenceOf(made(name, { status: 429, ...members }), now),
    ).retry_after_ms;
    expect(wait({ headers: new Headers({ 'Retry-After': '7' }) })).toBe(7_000);
    expect(wait({ response: { headers: { 'retry-after': '8' } } })).toBe(8_000);
    expect(wait({ headers: new Headers({ 'Retry-After': 'Wed, 25 Nov 2026 08:00:09 GMT' }) })).toBe(9_000);
    expect(wait({ headers: { 'retry-after-ms': '1500', 'retry-after': '2' } })).toBe(1_500);
    expect([wait({ retryAfterSeconds: 3 }), wait({ retryAfterMs: 40 }), wait({ nextRetryDelay: '5s' }), wait({ nextRetryDelay: 60 })])
      .toEqual([3_000, 40, 5_000, 60]);
    expect([wait({}), wait({ headers: { 'retry-after': 'soon' } }), wait({ retryAfterMs: 40 }, 'BreakerOpenError')])
      .toEqual([null, null, null]);
    expect(wait({ cause: made('Error', { retryAfterMs: 9 }) })).toBe(9);
  });
});

describe('Severity assessment', () => {
  test('follows the category', () => {
    const severities = Object.fromEntries(errorCategories.map((category) => [category, retryPolicies[category].severity]));
    expect(severities).toEqual({
      database: 'critical', network: 'medium', llm_api: 'high', validation: 'low', authorization: 'high', state_transition: 'medium',
      data_integrity: 'critical', cache: 'low', external_api: 'medium',
    });
    for (const row of table) expect(judged(row).severity).toBe(severities[row[2]]);
  });
});
