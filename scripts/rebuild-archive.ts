/**
 * npm run rebuild-archive [-- --tenant acme]: fills the archive in PostgreSQL from Temporal's histories, after PostgreSQL was lost or
 * an old backup of it was brought back. Beside a running Gangway; repeating it does no harm, and what is newer there stays.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { archiveSessions } from '../activities/copy-writer.ts';
import type { SessionCopies } from '../domain/session-copy.ts';
import { symbolsMax } from '../analytics/history.ts';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { copiesInHistories } from '../engine/session-histories.ts';
import type { Configuration } from '../service/configuration.ts';
import { readConfiguration } from '../service/environment.ts';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { HistorySymbols } from '../stores/postgres/session-histories.ts';
import { sqlState } from '../stores/postgres/sql-states.ts';
import { optionsOrEnd } from './arguments.ts';
import { dataFolder } from './embedded/data-folder.ts';
import { PlainError } from './embedded/plain-error.ts';
import { codecKeyFile } from './embedded/secrets.ts';

const usage = `Usage: npm run --silent rebuild-archive [-- --tenant TENANT]
  --tenant  the sessions of one tenant; without it those of all`;

const RunFile = z.object({ urls: z.object({ temporalAddress: z.string(), databaseUrl: z.string() }) });
const uniqueViolation = '23505';

interface Places { readonly temporalAddress: string; readonly databaseUrl: string; readonly codecKeys: string }

/** Of the configuration, else of the Gangway that runs on the data folder. */
async function places(configuration: Configuration): Promise<Places> {
  const folder = dataFolder(configuration);
  const running = await readFile(join(folder, 'run.json'), 'utf8').then((text) => RunFile.parse(JSON.parse(text)).urls, () => null);
  const temporalAddress = configuration.TEMPORAL_ADDRESS ?? running?.temporalAddress;
  const databaseUrl = configuration.DATABASE_URL ?? (running === null ? undefined : await withPassword(running.databaseUrl, folder));
  const kept = (): Promise<string | undefined> => readFile(codecKeyFile(folder), 'utf8').then((text) => text.trim(), () => undefined);
  const codecKeys = configuration.GANGWAY_CODEC_KEYS ?? await kept();
  if (temporalAddress === undefined || databaseUrl === undefined || codecKeys === undefined) {
    throw new PlainError(
      `No Gangway runs on ${configuration.GANGWAY_DATA}: start it with npm run up, or set TEMPORAL_ADDRESS, DATABASE_URL ` +
      'and GANGWAY_CODEC_KEYS.',
    );
  }
  return { temporalAddress, databaseUrl, codecKeys };
}

async function withPassword(url: string, folder: string): Promise<string> {
  const whole = new URL(url);
  whole.password = (await readFile(join(folder, 'secrets', 'postgres.password'), 'utf8')).trim();
  return whole.href;
}

function note(ids: Set<string>, copies: readonly SessionCopies[]): void {
  for (const { view } of copies) ids.add(view.session_id);
}

interface Rebuilt { readonly sessions: number; readonly refused: readonly string[] }

async function rebuild(
  db: Database, { temporalAddress: address, codecKeys }: Places, configuration: Configuration, tenant: string | null,
): Promise<Rebuilt> {
  const sealer = createSealer(readCodecKeys(codecKeys));
  const { TEMPORAL_NAMESPACE: namespace, TEMPORAL_API_KEY: apiKey } = configuration;
  const { client, connection } = await connectEngine({ address, namespace, apiKey, sealer });
  const symbols = new HistorySymbols(db, symbolsMax);
  const sessions = new Set<string>();
  const refused = new Set<string>();
  try {
    for await (const copies of copiesInHistories({ client, sealer, tenant })) {
      // their events were sent when they were new
      await archiveSessions({ db, sealer, symbols }, copies, false).then(() => { note(sessions, copies); }, (error: unknown) => {
        // somebody has begun another one of this flow since: that one stays
        if (sqlState(error) !== uniqueViolation) throw error;
        note(refused, copies);
      });
    }
  } finally {
    await connection.close();
  }
  return { sessions: sessions.size, refused: [...refused].filter((id) => !sessions.has(id)) };
}

try {
  const { tenant = null } = optionsOrEnd(usage, { tenant: { type: 'string' } });
  const configuration = readConfiguration(process.env);
  const where = await places(configuration);
  const db = openDatabase({ url: where.databaseUrl, timeoutMs: 60_000, connections: 2 });
  try {
    const { sessions, refused } = await rebuild(db, where, configuration, tenant);
    process.stdout.write(`${sessions} sessions are in the archive as Temporal knows them.\n`);
    for (const id of refused) process.stdout.write(`${id} is left out: its person has another open session of the flow.\n`);
  } finally {
    await db.close();
  }
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
