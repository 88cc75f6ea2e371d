/** What turns the OpenAPI document into clients, and looks at it: installed once into .local/clients, by the locks in tools/. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { whileLocked } from '../../scripts/embedded/lock.ts';
import { root } from '../support/folders.ts';

const locks = join(root, 'test', 'clients', 'tools');
const home = join(root, '.local', 'clients');
/** A download that hangs, and a generator that never ends. */
const installMs = 300_000;
const runMs = 120_000;

/** Cannot be had on this machine: said by name, and no fault of the document. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';
}

export interface Run { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly timeoutMs?: number }

/** What it printed. Throws with all of it when it fails. */
export async function run(
  program: string, args: readonly string[], { cwd = home, env = {}, timeoutMs = runMs }: Run = {},
): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, {
      cwd, env: { ...process.env, NODE_OPTIONS: '', ...env }, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024,
    });
    return stdout + stderr;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new ToolMissing(`${program} is not on PATH`, { cause: error });
    }
    const said = error instanceof Error && 'stdout' in error && 'stderr' in error ? `${String(error.stdout)}\n${String(error.stderr)}`
      : String(error);
    throw new Error(`${program} ${args.slice(0, 3).join(' ')} failed:\n${said.trim().slice(0, 8_000)}`, { cause: error });
  }
}

/** A program of the npm packages. */
export async function npmTool(name: string): Promise<string> {
  await once('package-lock.json', async () => {
    for (const file of ['package.json', 'package-lock.json']) await copyFile(join(locks, file), join(home, file));
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { timeoutMs: installMs });
  });
  return join(home, 'node_modules', '.bin', name);
}

/** A program of the Python packages. */
export async function pythonTool(name: string): Promise<string> {
  await once('requirements.txt', async () => {
    await run('python3', ['-m', 'venv', 'python']);
    await run(
      join(home, 'python', 'bin', 'pip'),
      ['install', '--quiet', '--no-input', '--disable-pip-version-check', '--requirement', join(locks, 'requirements.txt')],
      { timeoutMs: installMs },
    );
  });
  return join(home, 'python', 'bin', name);
}

/** A program as a single jar of Maven Central. */
export async function jar(artifact: string, version: string): Promise<string> {
  const [, name = ''] = artifact.split(':');
  const file = `${name}-${version}.jar`;
  await once(file, async () => {
    await run('java', ['-version']);
    await run(
      'mvn',
      [
        '-q', 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy', `-Dartifact=${artifact}:${version}`,
        `-DoutputDirectory=${home}`,
      ],
      { timeoutMs: installMs },
    );
  });
  return join(home, file);
}

/** An empty folder to work in, inside of what resolves the npm packages. */
export async function workFolder(name: string): Promise<string> {
  const folder = join(home, 'work', `${name}-${process.pid}`);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Once for each content of a lock file (or, where it has none, for its name). */
async function once(lock: string, install: () => Promise<void>): Promise<void> {
  await mkdir(home, { recursive: true });
  const wanted = await readFile(join(locks, lock), 'utf8').catch(() => lock);
  const stamp = join(home, `.${lock}.done`);
  await whileLocked(home, 'install', async () => {
    if (await readFile(stamp, 'utf8').catch(() => '') === wanted) return;
    await install();
    await writeFile(stamp, wanted);
  });
}
