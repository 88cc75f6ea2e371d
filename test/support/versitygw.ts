/** A real S3 server on a folder: Versity's gateway, built once from the Go proxy into .local/tools, since no registry has its program. */
import { execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { S3Settings } from '../../stores/files/s3.ts';
import { root } from './folders.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const version = 'v1.8.0';
const tools = join(root, '.local/tools');
const program = join(tools, `versitygw-${version}`);
/** Some 5 minutes on two cores that do nothing else. */
const buildMinutesMax = 14;

/** Its path; `build` when it is not there yet. Otherwise a word on what is missing. */
export async function findVersityGateway(build: boolean): Promise<{ readonly program: string } | { readonly missing: string }> {
  if (await isThere(program)) return { program };
  if (!build) return { missing: 'the S3 server is not built. S3=1 npm test -- files-s3 builds it (some minutes, once) and runs them.' };
  const go = await findGo();
  if (go === null) return { missing: 'S3=1 needs go on PATH to build the S3 server' };
  const bin = await mkdtemp(join(tmpdir(), 'gangway-versitygw-'));
  await promisify(execFile)(go, ['install', `github.com/versity/versitygw/cmd/versitygw@${version}`], {
    timeout: buildMinutesMax * 60_000, env: { ...process.env, GOBIN: bin, GOFLAGS: '' },
  });
  await mkdir(tools, { recursive: true });
  await rename(join(bin, 'versitygw'), `${program}.new`).catch(() => promisify(execFile)('mv', [join(bin, 'versitygw'), `${program}.new`]));
  await rename(`${program}.new`, program);
  await rm(bin, { recursive: true });
  return { program };
}

async function findGo(): Promise<string | null> {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin']) {
    if (await isThere(join(folder, 'go'))) return join(folder, 'go');
  }
  return null;
}

export interface S3Server { readonly settings: S3Settings; readonly folder: string; freeze(): void; thaw(): void; close(): Promise<void> }

export async function startS3(program_: string): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'gangway-s3-'));
  const bucket = 'uploads';
  await mkdir(join(folder, bucket));
  const port = await freePort();
  const credentials = { accessKeyId: 'test-access', secretAccessKey: 'test-secret-of-the-server' };
  const child = spawn(program_, ['--port', `127.0.0.1:${port}`, '--health', '/health', '--quiet', 'posix', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ROOT_ACCESS_KEY_ID: credentials.accessKeyId, ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey },
  });
  let said = '';
  child.stderr.on('data', (piece: Buffer) => { said = (said + piece.toString('utf8')).slice(-4_000); });
  const ended = new Promise<void>((resolve) => { child.once('exit', () => { resolve(); }); });
  const endpoint = `http://127.0.0.1:${port}`;
  await until('the S3 server answers', async () => {
    if (child.exitCode !== null) throw new Error(`The S3 server ended: ${said}`);
    return (await fetch(`${endpoint}/health`, { signal: AbortSignal.timeout(1_000) }).catch(() => null))?.ok === true;
  });
  return {
    settings: { bucket, region: 'us-east-1', endpoint, credentials, forcePathStyle: true, checksums: 'WHEN_REQUIRED' }, folder,
    freeze: () => { child.kill('SIGSTOP'); },
    thaw: () => { child.kill('SIGCONT'); },
    close: async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
