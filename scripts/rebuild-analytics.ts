/**
 * npm run rebuild-analytics: makes what ClickHouse holds anew from PostgreSQL, after it was lost or is doubted. A worker of the running
 * Gangway does it, since ClickHouse may be inside its process; sessions and reports go on meanwhile.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { readConfiguration } from '../service/environment.ts';
import { rebuildStatus, requestRebuild, withdrawRebuild } from '../stores/postgres/analytics-rebuilds.ts';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { optionsOrEnd } from './arguments.ts';
import { dataFolder } from './embedded/data-folder.ts';
import { PlainError } from './embedded/plain-error.ts';
import { databaseUrl } from './stores-of.ts';

const usage = `Usage: npm run --silent rebuild-analytics [-- --accept-fewer]
  --accept-fewer  also where ClickHouse has events that PostgreSQL does not have: they are lost

It may be broken off: the worker goes on, and the same command follows it again.`;

const [timeoutMs, lookMs, patienceMs] = [30_000, 500, 60_000];

/** Says how far it is, until it has ended. */
async function follow(db: Database, id: string): Promise<void> {
  const began = performance.now();
  let said = '';
  for (;;) {
    const status = await rebuildStatus(db, id);
    if (status === null) throw new PlainError('This rebuild was withdrawn.');
    if (status.state === 'failed') throw new PlainError(status.progress);
    if (status.progress !== said) {
      said = status.progress;
      process.stdout.write(`${said}\n`);
    }
    if (status.state === 'done') return;
    if (status.state === 'waiting' && performance.now() - began > patienceMs && await withdrawRebuild(db, id)) {
      throw new PlainError('No worker has begun within a minute: is one running, of this version?');
    }
    await pause(lookMs);
  }
}

try {
  const { 'accept-fewer': acceptsFewer = false } = optionsOrEnd(usage, { 'accept-fewer': { type: 'boolean' } });
  const configuration = readConfiguration(process.env);
  const db = openDatabase({ url: await databaseUrl(configuration, dataFolder(configuration)), timeoutMs, connections: 1 });
  try {
    await follow(db, await requestRebuild(db, randomUUID(), acceptsFewer));
  } finally {
    await db.close();
  }
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
