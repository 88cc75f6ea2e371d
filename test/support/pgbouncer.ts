/** A real PgBouncer in transaction mode before a PostgreSQL. Debian's, installed here where that is possible and it is missing. */
import { execFile, spawn } from 'node:child_process';
import { access, chmod, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

export interface PgBouncer { readonly url: string; output(): string; close(): Promise<void> }

/** The path of the program, or in a word why there is none. */
export async function findPgBouncer(): Promise<{ readonly program: string } | { readonly missing: string }> {
  const found = await onPath();
  if (found !== null) return { program: found };
  if (process.getuid?.() !== 0) return { missing: 'pgbouncer is not on PATH, and only root can install it' };
  try {
    const options = { timeout: 240_000, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
    await promisify(execFile)('apt-get', ['update', '-qq'], options);
    await promisify(execFile)('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'pgbouncer'], options);
  } catch (error) {
    return { missing: `apt-get cannot install pgbouncer: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}` };
  }
  const installed = await onPath();
  return installed === null ? { missing: 'apt-get installed pgbouncer, and it is not on PATH' } : { program: installed };
}

async function onPath(): Promise<string | null> {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(folder, 'pgbouncer');
    if (await access(path, constants.X_OK).then(() => true, () => false)) return path;
  }
  return null;
}

/** With few connections to the server, so that clients share them. */
export async function startPgBouncer(program: string, databaseUrl: string): Promise<PgBouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'gangway-pooler-'));
  const { hostname, port, username, password } = new URL(databaseUrl);
  const own = await freePort();
  await writeFile(join(folder, 'users.txt'), `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`);
  await writeFile(join(folder, 'pgbouncer.ini'), [
    '[databases]', `* = host=${hostname} port=${port}`, '[pgbouncer]', 'listen_addr = 127.0.0.1', `listen_port = ${own}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256', `auth_file = ${join(folder, 'users.txt')}`, 'pool_mode = transaction', 'default_pool_size = 3',
    'max_client_conn = 200', '',
  ].join('\n'));
  // it does not run as root
  for (const [path, mode] of [[folder, 0o755], [join(folder, 'users.txt'), 0o644], [join(folder, 'pgbouncer.ini'), 0o644]] as const) {
    await chmod(path, mode);
  }
  const child = spawn(
    program, [...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []), join(folder, 'pgbouncer.ini')], { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => { output = (output + chunk.toString('utf8')).slice(-100_000); });
  }
  const ended = new Promise<void>((resolve) => { child.once('exit', () => { resolve(); }); });
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${own}`;
  return {
    url: url.href, output: () => output,
    close: async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
