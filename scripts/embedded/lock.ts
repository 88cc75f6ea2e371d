/**
 * The lock on a folder: one Gangway per data folder. Two Temporal servers open one database file without a word,
 * so this comes before anything else.
 *
 * 1. The lock itself is SQLite's exclusive lock, that is a lock of the operating system: it ends with its process,
 *    whatever ended that, so there is no stale lock to recognise, no pid that was reused, and it holds between
 *    containers that share the folder, where pids mean nothing.
 * 2. DATA/lock.json only says who holds it, for the message.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { types } from 'node:util';
import { PlainError } from './plain-error.ts';

export interface FolderLock {
  readonly folder: string;
  release(): void;
}

/** Takes the lock or throws PlainError naming the holder and the folder. Makes the folder (0700) when it is missing. */
export function lockFolder(folder: string): FolderLock {
  const lock = tryLock(folder, 'lock');
  if (lock) return lock;
  const holder = holderOf(folder, 'lock');
  const who = holder === undefined ? 'it is just starting' : `process ${holder}`;
  throw new PlainError(`Gangway already runs on ${folder} (${who}): `
    + 'stop that one, or give this one a folder of its own with GANGWAY_DATA=…');
}

/** Runs `work` while no other process works under the same name in this folder; waits for its turn. */
export async function whileLocked<T>(
  folder: string, name: string, work: () => Promise<T>, secondsMax = 900,
): Promise<T> {
  const deadline = Date.now() + secondsMax * 1_000;
  let lock = tryLock(folder, name);
  while (!lock) {
    if (Date.now() > deadline) {
      const holder = holderOf(folder, name) ?? '?';
      throw new PlainError(`Process ${holder} has been busy in ${folder} for too long: end it and start again.`);
    }
    await sleep(100);
    lock = tryLock(folder, name);
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

function tryLock(folder: string, name: string): FolderLock | undefined {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, `${name}.sqlite`));
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (types.isNativeError(error) && 'errcode' in error && error.errcode === sqliteBusy) return undefined;
    throw error;
  }
  const holder = join(folder, `${name}.json`);
  writeFileSync(holder, `${JSON.stringify({ pid: process.pid, since: new Date().toISOString() })}\n`, { mode: 0o600 });
  return {
    folder,
    release() {
      rmSync(holder, { force: true });
      if (database.isOpen) database.close();
    },
  };
}

const sqliteBusy = 5;

function holderOf(folder: string, name: string): number | undefined {
  try {
    const holder: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
    if (typeof holder !== 'object' || holder === null || !('pid' in holder)) return undefined;
    return typeof holder.pid === 'number' ? holder.pid : undefined;
  } catch {
    return undefined;   // not written yet, or being written: the message does without it
  }
}
