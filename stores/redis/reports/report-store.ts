/**
 * What processes share of reports in Redis: values, the lease of whoever works one out, and the failure of the last second. All
 * of it is under the tenant's name, and a value opens only for the tenant and the parameters that it was worked out for.
 */
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gunzipSync, gzip } from 'node:zlib';
import type { Redis } from 'ioredis';
import { sealedAs, type Sealer } from '../../../encryption/sealer.ts';
import { OpenedValues } from './opened-values.ts';

/** `key` stands for the report and its parameters (analytics/reports/report-key.ts). */
export interface ReportName { readonly tenant: string; readonly key: string }

/** Times are epoch milliseconds. */
export interface StoredReport {
  readonly value: unknown;
  /** When the run began: the value knows nothing of what came later. */
  readonly startedAt: number;
  readonly freshUntil: number;
}

/** What can be known of a run elsewhere without reading its value. */
export interface ReportNews { readonly startedAt: number | null; readonly failure: string | null }

/** Every method rejects when Redis does not answer in time. */
export interface ReportStore {
  /** null: there is none, or none that can be opened. */
  read(name: ReportName): Promise<StoredReport | null>;
  news(name: ReportName): Promise<ReportNews>;
  /** A value of an earlier run never replaces that of a later one. `keepMs` from now. */
  put(name: ReportName, packed: Packed, times: Omit<StoredReport, 'value'> & { readonly keepMs: number }): Promise<void>;
  /** Forgets a value that began before this: what took its place could not be kept. */
  dropBefore(name: ReportName, startedAt: number): Promise<void>;
  /** The lease, or null when somebody else has it. It ends by itself after `ms` unless it is renewed. */
  take(name: ReportName, ms: number): Promise<string | null>;
  renew(name: ReportName, lease: string, ms: number): Promise<void>;
  /** Gives the lease back, if it still is the caller's, and tells all processes how the run ended. */
  release(name: ReportName, lease: string, ended: RunEnd): Promise<void>;
  /** Kept for `ms`, for those who wait elsewhere. */
  putFailure(name: ReportName, failure: string, ms: number): Promise<void>;
}

export const runEnds = ['stored', 'too_large', 'failed'] as const;
export type RunEnd = (typeof runEnds)[number];

/** A value as it is stored. */
export interface Packed { readonly bytes: Buffer }

export const reportsChannel = 'reports';

/** Above this a value is unpacked beside the thread: below, handing it over takes longer than unpacking it. */
const unpackedHereBytes = 65_536;
/** JSON of the values that a process has at hand; as objects they take some times as much. */
const openedCharacters = 4_000_000;

const putScript = `
local known = redis.call('HGET', KEYS[1], 'started')
if known and tonumber(known) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'started', ARGV[1], 'fresh_until', ARGV[2], 'value', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`;
const dropScript = `
local known = redis.call('HGET', KEYS[1], 'started')
if known and tonumber(known) < tonumber(ARGV[1]) then return redis.call('DEL', KEYS[1]) end
return 0`;
const renewScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;
const releaseScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** The same for two equal names, and for no others. */
export function idOf({ tenant, key }: ReportName): string {
  return `${encodeURIComponent(tenant)}:${key}`;
}

/** Gzip of its JSON. */
export async function packed(value: unknown): Promise<Packed> {
  return { bytes: await promisify(gzip)(JSON.stringify(value)) };
}

export function createReportStore(redis: Redis, sealer: Sealer): ReportStore {
  const valueOf = (name: ReportName): string => `report:${idOf(name)}`;
  const leaseOf = (name: ReportName): string => `report-lease:${idOf(name)}`;
  const failureOf = (name: ReportName): string => `report-failure:${idOf(name)}`;
  const values = new OpenedValues(openedCharacters);
  return {
    read: async (name) => {
      const [startedAt, freshUntil, sealed] = await redis.hmgetBuffer(valueOf(name), 'started', 'fresh_until', 'value');
      if (startedAt == null || freshUntil == null || sealed == null) return null;
      const value = values.get(idOf(name), sealed) ?? await opened(sealed, sealer, name, values);
      return value === undefined ? null : { value, startedAt: Number(startedAt), freshUntil: Number(freshUntil) };
    },
    news: async (name) => {
      const [startedAt, failure] = await Promise.all([redis.hget(valueOf(name), 'started'), redis.get(failureOf(name))]);
      return { startedAt: startedAt === null ? null : Number(startedAt), failure };
    },
    put: async (name, { bytes }, { startedAt, freshUntil, keepMs }) => {
      const sealed = sealer.seal(bytes, sealedAs.report(name.tenant, name.key));
      await redis.eval(putScript, 1, valueOf(name), startedAt, freshUntil, sealed, Math.ceil(keepMs));
    },
    dropBefore: async (name, startedAt) => { await redis.eval(dropScript, 1, valueOf(name), startedAt); },
    take: async (name, ms) => {
      const lease = randomUUID();
      return await redis.set(leaseOf(name), lease, 'PX', ms, 'NX') === 'OK' ? lease : null;
    },
    renew: async (name, lease, ms) => { await redis.eval(renewScript, 1, leaseOf(name), lease, ms); },
    release: async (name, lease, ended) => {
      await redis.eval(releaseScript, 1, leaseOf(name), lease);
      await redis.publish(reportsChannel, `${ended} ${idOf(name)}`);
    },
    putFailure: async (name, failure, ms) => { await redis.set(failureOf(name), failure, 'PX', ms); },
  };
}

/** undefined: sealed by a key that is gone, or for somebody else, or cut off. It is worked out again. */
async function opened(sealed: Buffer, sealer: Sealer, name: ReportName, values: OpenedValues): Promise<unknown> {
  try {
    const bytes = sealer.open(sealed, sealedAs.report(name.tenant, name.key));
    const text = (bytes.length <= unpackedHereBytes ? gunzipSync(bytes) : await promisify(gunzip)(bytes)).toString('utf8');
    const value: unknown = JSON.parse(text);
    values.put(idOf(name), { sealed, value, characters: text.length });
    return value;
  } catch {
    return undefined;
  }
}
