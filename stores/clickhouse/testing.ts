/**
 * A real ClickHouse for tests, inside the Jest worker. chdb binds one data folder per process for as long as a
 * connection is open, and every test file has its own module registry: so the folder's name comes from the process,
 * and every caller gets a database of its own in it.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openClickHouse } from './client.ts';
import type { ClickHouse } from './client.ts';

const prefix = 'gangway-clickhouse-';

export interface TestClickHouse extends ClickHouse {
  readonly path: string;
  readonly database: string;
}

/** `close` drops the database. */
export async function openTestClickHouse(): Promise<TestClickHouse> {
  const database = `test_${randomUUID().replaceAll('-', '')}`;
  const path = folderOfThisProcess();
  const db = await openClickHouse({ path, database });
  return {
    path, database,
    query: (statement, options) => db.query(statement, options),
    export: (statement, format, options) => db.export(statement, format, options),
    insert: (table, rows) => db.insert(table, rows),
    command: (sql) => db.command(sql),
    ping: () => db.ping(),
    close: async () => {
      if (await db.ping()) await db.command(`DROP DATABASE IF EXISTS ${database} SYNC`);
      await db.close();
    },
  };
}

/** The start of the process is in the name too, since process ids come back. Folders of ended processes are removed. */
function folderOfThisProcess(): string {
  const worker = process.env['JEST_WORKER_ID'] ?? '0';
  const name = `${prefix}${process.pid}-${worker}-${Math.trunc(performance.timeOrigin)}`;
  for (const other of readdirSync(tmpdir())) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(other)?.[1] ?? Number.NaN);
    const left = Number.isInteger(pid) && (pid === process.pid ? other !== name : !isRunning(pid));
    if (left) rmSync(join(tmpdir(), other), { recursive: true, force: true });
  }
  mkdirSync(join(tmpdir(), name), { recursive: true });
  return join(tmpdir(), name);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(typeof error === 'object' && error !== null && 'code' in error && error.code === 'ESRCH');
  }
}
