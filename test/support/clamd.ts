/** Debian's real clamd with signatures of our own: downloaded and unpacked below .local, so nobody has to be root. */
import { execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './folders.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

export interface Clamd { readonly url: string; output(): string; close(): Promise<void> }
interface Program { readonly program: string; readonly libraries: string }

const packages = ['clamav-daemon', 'libclamav12', 'libmspack0'];
const unpacked = join(root, '.local', 'clamd');
/** What others call it: Win.Test.EICAR_HDB-1. */
const eicarHash = '44d88612fea8a8f36de82e1278abb02f';
/** In hexadecimal. */
export const signatures = {
  withEicar: [['own.hdb', `${eicarHash}:68:Own.Test.EICAR`], ['own.ndb', 'Own.Marker:0:*:6f757220206d61726b6572206f662065766966']],
  withoutEicar: [['own.ndb', 'Own.Marker:0:*:6f757220206d61726b6572206f662065766966']],
} as const;
/** What Own.Marker finds. */
export const finding = Buffer.from('6f757220206d61726b6572206f662065766966', 'hex');

/** The program, or in a word why there is none. */
export async function findClamd(): Promise<Program | { readonly missing: string }> {
  const run = promisify(execFile);
  const program = join(unpacked, 'usr/sbin/clamd');
  try {
    await access(program).catch(async () => {
      await mkdir(unpacked, { recursive: true });
      await run('apt-get', ['download', ...packages], { cwd: unpacked, timeout: 240_000 });
      const files = (await readdir(unpacked)).filter((name) => name.endsWith('.deb'));
      for (const file of files) await run('dpkg', ['-x', file, '.'], { cwd: unpacked, timeout: 60_000 });
    });
    const libraries = (await readdir(join(unpacked, 'usr/lib'))).map((name) => join(unpacked, 'usr/lib', name)).join(':');
    await run(program, ['--help'], { env: { LD_LIBRARY_PATH: libraries }, timeout: 30_000 });
    return { program, libraries };
  } catch (error) {
    return { missing: `clamd cannot be had here: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}` };
  }
}

/** `settings`: lines of its configuration. */
export async function startClamd(
  { program, libraries }: Program, files: readonly (readonly [name: string, content: string])[], settings: readonly string[] = [],
): Promise<Clamd> {
  const folder = await mkdtemp(join(tmpdir(), 'gangway-clamd-'));
  const database = join(folder, 'signatures');
  await mkdir(database);
  for (const [name, content] of files) await writeFile(join(database, name), `${content}\n`);
  const port = await freePort();
  await writeFile(join(folder, 'clamd.conf'), [
    'Foreground yes', `DatabaseDirectory ${database}`, `TemporaryDirectory ${folder}`, 'TCPAddr 127.0.0.1', `TCPSocket ${port}`,
    'OfficialDatabaseOnly no', ...settings, '',
  ].join('\n'));
  const child = spawn(program, ['-c', join(folder, 'clamd.conf')], { env: { LD_LIBRARY_PATH: libraries }, stdio: ['ignore', 'pipe',
    'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => { output = (output + chunk.toString('utf8')).slice(-20_000); });
  }
  const ended = new Promise<void>((resolve) => { child.once('exit', () => { resolve(); }); });
  await until('clamd answers', () => {
    if (child.exitCode !== null) throw new Error(`clamd ended: ${output}`);
    return listens(port);
  });
  return {
    url: `tcp://127.0.0.1:${port}`, output: () => output,
    close: async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => { resolve(false); });
  });
}
