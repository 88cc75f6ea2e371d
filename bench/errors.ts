/**
 * What it costs to say what an error is: reading it and classifying it, and on top of that its fingerprint. In this process,
 * nothing else.
 */
import { classify } from '../domain/error-classification.ts';
import { evidenceOf } from '../domain/error-evidence.ts';
import { fingerprintOf } from '../domain/error-fingerprint.ts';
import type { Outcome } from './part.ts';
import { median, percentile, range, rounded } from './statistics.ts';
import { numberText } from './table.ts';

const rounds = 15;
const warmUpRounds = 5;
const perRound = 4_000;

function made(name: string, members: Readonly<Record<string, unknown>>, message: string): Error {
  return Object.assign(new Error(message), { name }, members);
}

const refused = (): Error => made(
  'Error', { code: 'ECONNREFUSED', errno: -111, syscall: 'connect', port: 443 }, 'connect ECONNREFUSED 127.0.0.1:443',
);

/** One of each sort, from the one that the first rule knows to the one that none does; a deep chain; a long text without spaces. */
const errors: Readonly<Record<string, unknown>> = {
  'a category': made('ActivityFailure', { cause: made('ApplicationFailure', { type: 'llm_api' }, 'no answer') }, 'Activity task failed'),
  'SQLSTATE': made(
    'error', { severity: 'ERROR', code: '23505', detail: 'Key (email)=(ana@example.org) already exists.' },
    'duplicate key value violates unique constraint "people_email"',
  ),
  'fetch': Object.assign(new TypeError('fetch failed'), { cause: refused() }),
  'addresses': Object.assign(new TypeError('fetch failed'), { cause: new AggregateError([refused(), refused()], '') }),
  'HTTP with headers': made(
    'RateLimitError', { status: 429, requestID: 'r', headers: new Headers({ 'retry-after': '7' }), error: { type: 'rate_limit_error' } },
    '429 Rate limit reached',
  ),
  'gRPC': made(
    'ServiceError', { cause: made('Error', { code: 14, details: 'no', metadata: {} }, '14 UNAVAILABLE: no') }, 'Failed to start',
  ),
  'words': new Error('upstream said that the connection refused to work for ana@example.org'),
  'unknown': new RangeError('Maximum call stack size exceeded'),
  'a chain of eight': chainOf(8),
  'a long text': new Error('x'.repeat(1_000_000)),
};

function chainOf(length: number): Error {
  let error = new Error('the innermost says nothing');
  for (let at = 1; at < length; at += 1) error = made('Wrapper', { cause: error }, 'wrapped');
  return error;
}

/** Microseconds an error, one value a round. */
function measured(error: unknown, work: (error: unknown) => void): number[] {
  const values: number[] = [];
  for (let round = 0; round < warmUpRounds + rounds; round += 1) {
    const began = performance.now();
    for (let at = 0; at < perRound; at += 1) work(error);
    if (round >= warmUpRounds) values.push((performance.now() - began) * 1_000 / perRound);
  }
  return values;
}

let seen = 0;
function classified(error: unknown): void {
  seen += classify(evidenceOf(error)).matched_by.length;
}

function fingerprinted(error: unknown): void {
  const { name, message } = evidenceOf(error);
  seen += fingerprintOf({ exception_type: name, task_name: 'applyChangeset', message }).length;
}

// oxlint-disable-next-line typescript/require-await -- a part is asynchronous, this one waits for nothing
export async function run(): Promise<Outcome> {
  const kinds = Object.entries(errors).map(([kind, error]) => ({
    kind, classify: measured(error, classified), fingerprint: measured(error, fingerprinted),
  }));
  const medians = kinds.map((kind) => median(kind.classify));
  const slowest = kinds[medians.indexOf(Math.max(...medians))]?.classify ?? [];
  const short = kinds.filter(({ kind }) => kind !== 'a long text');
  return {
    title: 'Classifying an error',
    notes: [
      `Reading an error that was caught and classifying it, ${perRound} times a round, ${rounds} rounds of each of ${kinds.length} ` +
      `sorts, after ${warmUpRounds} to warm up. Microseconds an error.`,
      'A fingerprint (scrubbing and hashing) is for the error log only; of a long text 2,000 characters are looked at.',
    ],
    tables: [{
      head: ['error', 'classify, median', 'p99 of rounds', 'fingerprint, median'],
      rows: kinds.map((item) => [
        item.kind, `${numberText(median(item.classify))} µs`, `${numberText(percentile(item.classify, 0.99))} µs`,
        `${numberText(median(item.fingerprint))} µs`,
      ]),
    }],
    figures: [
      { name: 'classify, median of all sorts', value: median(medians), range: range(medians), unit: 'µs', goal: { atMost: 20 } },
      { name: 'classify, the slowest sort', value: median(slowest), range: range(slowest), unit: 'µs', goal: { atMost: 20 } },
      {
        name: 'fingerprint, median of all sorts but a long text', value: median(short.map((item) => median(item.fingerprint))), unit: 'µs',
        goal: null,
      },
    ],
    details: {
      rounds, per_round: perRound, seen: seen > 0,
      sorts: Object.fromEntries(kinds.map((item) => [
        item.kind, { classify_us: rounded(median(item.classify)), fingerprint_us: rounded(median(item.fingerprint)) },
      ])),
    },
  };
}
