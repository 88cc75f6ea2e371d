/**
 * npm run erase-person -- --tenant acme --user ana: what a person said goes from every store, and what is counted stays. Says what it
 * would do; with --apply it does it. Repeating it does no harm: it goes on where it was broken off.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { eraseArchived } from '../activities/erase-person.ts';
import { userKey } from '../analytics/intake/session-row.ts';
import { createChunkSealer } from '../encryption/sealed-chunks.ts';
import { createSealer, readCodecKeys, type Sealer } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { endSession, forgetRuns } from '../engine/session-erasure.ts';
import type { Configuration } from '../service/configuration.ts';
import { readConfiguration } from '../service/environment.ts';
import { pseudonymKey } from '../service/pseudonyms.ts';
import { fileStoreSettings } from '../service/settings.ts';
import { chosenFileStore } from '../stores/files/chosen.ts';
import type { FileStore } from '../stores/files/port.ts';
import { addAudit } from '../stores/postgres/audit.ts';
import { isTenantName, openDatabase, type Database } from '../stores/postgres/database.ts';
import {
  dropClaim, eraseImportedSessions, erasuresLeft, forgetAnswersTo, importedSessionsOfPerson, sessionsOfPerson, type PersonsSession,
} from '../stores/postgres/erasures.ts';
import { forgetSessionUploads } from '../uploads/forgetting.ts';
import { endWithUsage, optionsOf, UsageError } from './arguments.ts';
import { dataFolder } from './embedded/data-folder.ts';
import { PlainError } from './embedded/plain-error.ts';
import { codecKeys, databaseUrl, keptDevelopmentKey, temporalAddress } from './stores-of.ts';

const usage = `Usage: npm run --silent erase-person -- --tenant TENANT --user USER [--apply]
  --tenant  where the person belongs
  --user    as the tokens name them (sub)
  --apply   does it; without it only says what would be done

Open sessions are cancelled first. A worker has to run: it takes them out of ClickHouse.`;

const [timeoutMs, lookMs, patienceMs] = [30_000, 500, 300_000];

interface Person { readonly tenant: string; readonly user: string }
interface Stores { readonly db: Database; readonly sealer: Sealer; readonly files: FileStore; readonly client: Client }

function readOptions(argv: readonly string[]): Person & { readonly apply: boolean } {
  const text = { type: 'string' } as const;
  const { tenant = '', user = '', apply = false } = optionsOf(argv, { tenant: text, user: text, apply: { type: 'boolean' } });
  if (!isTenantName(tenant)) throw new UsageError('--tenant must be 1-128 printable characters.');
  if (user === '') throw new UsageError('--user is missing.');
  return { tenant, user, apply };
}

interface Found { readonly own: readonly PersonsSession[]; readonly imported: readonly string[] }

function sayFound({ own, imported }: Found): void {
  const open = own.filter((session) => session.is_open).length;
  process.stdout.write(`${own.length} sessions, ${open} of them open, and ${imported.length} imported ones.\n`);
}

async function erase(stores: Stores, person: Person, { own, imported }: Found, keyOf: (user: string) => string): Promise<void> {
  const { db } = stores;
  const { tenant, user } = person;
  // the same in all sessions, so that people are counted as before
  const owner = `erased:${randomBytes(16).toString('hex')}`;
  let uploads = 0;
  for (const { session_id: id, is_claim: isClaim } of own) {
    if (isClaim) {
      await dropClaim(db, tenant, user, id);
      continue;
    }
    await endSession(stores.client, person, id);
    uploads += await forgetSessionUploads(stores, tenant, [id]);
    if (!await eraseArchived(stores, { ...person, sessionId: id, owner })) {
      throw new PlainError(`Session ${id} is open and no workflow of it runs: have its person resume it, then try again.`);
    }
    // last: until then its archive can be filled from them, and is overwritten again
    await forgetRuns(stores.client, tenant, id);
  }
  if (imported.length > 0) await eraseImportedSessions(db, tenant, imported, keyOf(owner));
  await forgetAnswersTo(db, tenant, user);
  await addAudit(db, {
    id: randomUUID(), tenant, actor: 'operator', person: null, roles: [], action: 'person.erase', target: null, reason: null,
    result: 'allowed', status: null, correlation_id: randomUUID(), details: { sessions: own.length, imported: imported.length, uploads },
  });
  process.stdout.write(`Erased, with ${uploads} uploads.\n`);
}

/** Until ClickHouse has none of it. */
async function awaitReports(db: Database, tenant: string): Promise<void> {
  const until = performance.now() + patienceMs;
  while (await erasuresLeft(db, tenant) > 0) {
    if (performance.now() > until) throw new PlainError('ClickHouse is not done yet: a worker goes on with it. Is one running?');
    await pause(lookMs);
  }
  process.stdout.write('Nothing of it is left in ClickHouse.\n');
}

async function openStores(configuration: Configuration, folder: string): Promise<Stores & { readonly close: () => Promise<void> }> {
  const keys = readCodecKeys(await codecKeys(configuration, folder));
  const sealer = createSealer(keys);
  const { TEMPORAL_NAMESPACE: namespace, TEMPORAL_API_KEY: apiKey } = configuration;
  const address = await temporalAddress(configuration, folder);
  const { client, connection } = await connectEngine({ address, namespace, apiKey, sealer });
  const db = openDatabase({ url: await databaseUrl(configuration, folder), timeoutMs, connections: 2 });
  const files = await chosenFileStore(fileStoreSettings(configuration), createChunkSealer(keys));
  const close = async (): Promise<void> => {
    files.close();
    await Promise.all([db.close(), connection.close()]);
  };
  return { db, sealer, files, client, close };
}

async function main(): Promise<void> {
  const { apply, ...person } = readOptions(process.argv.slice(2));
  const configuration = readConfiguration(process.env);
  const folder = dataFolder(configuration);
  const key = pseudonymKey(configuration, await keptDevelopmentKey(configuration, folder));
  if (key === null) throw new PlainError('GANGWAY_PSEUDONYM_KEY is needed: imported sessions are found by the pseudonym.');
  const stores = await openStores(configuration, folder);
  try {
    const keyOf = (user: string): string => userKey(key, person.tenant, user);
    const found = {
      own: await sessionsOfPerson(stores.db, person.tenant, person.user),
      imported: await importedSessionsOfPerson(stores.db, person.tenant, keyOf(person.user)),
    };
    sayFound(found);
    if (!apply) {
      process.stdout.write('Nothing was done. Give --apply to erase them.\n');
      return;
    }
    await erase(stores, person, found, keyOf);
    await awaitReports(stores.db, person.tenant);
  } finally {
    await stores.close();
  }
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) endWithUsage(error, usage);
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
