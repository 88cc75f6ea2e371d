/** The stores beside Temporal, and the identity provider: whether each answers, and is as Gangway needs it. */
import { createRemoteJWKSet } from 'jose';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { readCodecKeys } from '../../encryption/sealer.ts';
import { openClickHouse } from '../../stores/clickhouse/client.ts';
import { about, patienceMs, reasonOf, within, type Finding } from './finding.ts';

/** Apart by more than this, tokens and limits are judged by a wrong time; below it a slow answer looks the same. */
const clockSecondsMax = 5;

/** A store at an address that a setting names, or, with null, of the Gangway that runs on the folder. */
export interface Place { readonly url: string; readonly setting: string | null }

const postgres = about('postgresql');

interface DatabaseRow {
  readonly version: string; readonly now: Date; readonly passes: boolean; readonly read_only: string; readonly keys_noted: boolean;
}

/** `codecKeys`: in the form of GANGWAY_CODEC_KEYS, to compare with those that the data need; null: not known here. */
export async function databaseFindings({ url, setting }: Place, codecKeys: string | null): Promise<Finding[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: patienceMs, query_timeout: patienceMs });
  client.on('error', () => undefined);      // told by the query as well
  try {
    await client.connect();
    const { rows: [row] } = await client.query<DatabaseRow>(
      `SELECT current_setting('server_version') AS version, clock_timestamp() AS now, rolsuper OR rolbypassrls AS passes,
              current_setting('transaction_read_only') AS read_only, to_regclass('codec_keys') IS NOT NULL AS keys_noted
       FROM pg_roles WHERE rolname = current_user`,
    );
    if (row === undefined) return [postgres.unseen('PostgreSQL answers, but does not say who we are')];
    return [
      databaseFinding(row, placeOf(url)), clockFinding(row.now.getTime(), 'PostgreSQL'),
      ...(row.keys_noted && codecKeys !== null ? [await usedKeysFinding(client, codecKeys)] : []),
    ];
  } catch (error) {
    return [postgres.wrong(`${setting ?? 'PostgreSQL'}: no PostgreSQL answers at ${placeOf(url)} (${reasonOf(error)})`, mendOf(setting))];
  } finally {
    await client.end().catch(() => undefined);
  }
}

function databaseFinding({ version, passes, read_only: readOnly }: DatabaseRow, place: string): Finding {
  if (readOnly === 'on') {
    return postgres.wrong(
      `PostgreSQL at ${place} takes no writes (it is read-only)`, 'let it be written again, or name the server that is the primary now',
    );
  }
  if (passes) {
    return postgres.note(
      `PostgreSQL at ${place} knows us as a superuser or with BYPASSRLS, whom row-level security does not bind`,
      'use a plain role that owns the tables',
    );
  }
  return postgres.well(`PostgreSQL ${version} at ${place} answers`);
}

const usedKeys = about('keys in use');

async function usedKeysFinding(client: Client, codecKeys: string): Promise<Finding> {
  const { rows } = await client.query<{ key_id: string; lost: boolean }>('SELECT key_id, lost_since IS NOT NULL AS lost FROM codec_keys');
  const { byId } = readCodecKeys(codecKeys);
  const missing = rows.filter(({ key_id: id }) => !byId.has(id));
  const unnoticed = missing.filter(({ lost }) => !lost).map(({ key_id: id }) => id);
  if (unnoticed.length > 0) {
    return usedKeys.wrong(
      `The encryption keys ${unnoticed.join(', ')} are missing, and stored data were sealed with them`,
      `bring them back, or give them up with GANGWAY_LOST_KEYS=${unnoticed.join(',')} (docs/operations.md, Encryption keys)`,
    );
  }
  if (missing.length === 0) return usedKeys.well('Every key that sealed something is there');
  return usedKeys.note(`The sessions of ${missing.map(({ key_id: id }) => id).join(', ')} cannot be read: those keys were given up`);
}

const clock = about('clock');

/** By a clock elsewhere, in epoch milliseconds. */
function clockFinding(theirs: number, whose: string): Finding {
  const seconds = Math.round(Math.abs(Date.now() - theirs) / 1_000);
  if (seconds <= clockSecondsMax) return clock.well(`The clocks of this machine and of ${whose} agree`);
  return clock.wrong(
    `The clocks of this machine and of ${whose} are ${seconds} s apart: tokens expire too early or too late, and limits count wrong ` +
    `windows`,
    'set both by NTP',
  );
}

const redis = about('redis');

/** Gangway runs without it, on limits that each process counts for itself: nothing here keeps it from starting. */
export async function redisFinding({ url, setting }: Place): Promise<Finding> {
  const client = new Redis(url, {
    lazyConnect: true, connectTimeout: patienceMs, commandTimeout: patienceMs, maxRetriesPerRequest: 0, retryStrategy: () => null,
  });
  let failure: unknown;
  client.on('error', (error) => { failure ??= error; });
  try {
    await within(patienceMs, client.connect());
    await client.ping();
    const facts = await client.info();
    const policy = /maxmemory_policy:(\S+)/.exec(facts)?.[1] ?? 'noeviction';
    if (policy !== 'noeviction') {
      return redis.wrong(
        `Redis at ${placeOf(url)} drops counters when its memory is full (maxmemory-policy ${policy}), which lets people past their limits`,
        'set maxmemory-policy noeviction',
      );
    }
    return redis.well(`Redis ${/(?:redis|valkey)_version:(\S+)/.exec(facts)?.[1] ?? ''} at ${placeOf(url)} answers`);
  } catch (error) {
    return redis.wrong(
      `${setting ?? 'Redis'}: no Redis answers at ${placeOf(url)} (${reasonOf(failure ?? error)}): each process counts limits for ` +
      `itself, and ` +
      'the language model is not asked', mendOf(setting),
    );
  } finally {
    client.disconnect();
  }
}

const clickhouse = about('clickhouse');

export async function clickhouseFinding({ url, setting }: Place): Promise<Finding> {
  const server = await openClickHouse({ url });
  try {
    const [row] = await within(
      patienceMs, server.query<{ version: string }>({ sql: 'SELECT version() AS version', params: {} }, { maxSeconds: 3 }),
    );
    return clickhouse.well(`ClickHouse ${row?.version ?? ''} at ${placeOf(url)} answers`);
  } catch (error) {
    return clickhouse.wrong(
      `${setting ?? 'ClickHouse'}: no ClickHouse answers at ${placeOf(url)} (${reasonOf(error)}): reports answer 503, and what they are ` +
      `made of ` +
      'waits', mendOf(setting),
    );
  } finally {
    await server.close();
  }
}

const identity = about('identity');

export async function identityFinding(url: string): Promise<Finding> {
  try {
    const keys = createRemoteJWKSet(new URL(url), { timeoutDuration: patienceMs });
    await keys.reload();
    const usable = (keys.jwks()?.keys ?? []).filter(({ kty }) => kty === 'RSA' || kty === 'EC' || kty === 'OKP');
    if (usable.length > 0) return identity.well(`JWKS_URL: ${usable.length} keys at ${placeOf(url)}`);
    return identity.wrong(`JWKS_URL: no key at ${placeOf(url)} is for RS256, ES256 or EdDSA`, 'have the identity provider publish one');
  } catch (error) {
    return identity.wrong(
      `JWKS_URL: no key set can be read at ${placeOf(url)} (${reasonOf(error)}): nobody who comes with a new token is let in`,
      'start the identity provider, or correct JWKS_URL',
    );
  }
}

function mendOf(setting: string | null): string {
  if (setting === null) return 'stop Gangway and start it again; the logs in the data folder say more';
  return `start it, or correct ${setting}; without ${setting} one is started beside Gangway`;
}

/** An address without what is secret in it. */
export function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'that address';
  const { protocol, hostname, port, pathname } = new URL(url);
  return `${protocol}//${hostname}${port === '' ? '' : `:${port}`}${pathname === '/' ? '' : pathname}`;
}
