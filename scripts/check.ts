/** npm run check: types, lint, layers, lines and dependencies, one line each; the first failing one shows its output. */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join, sep } from 'node:path';
import { optionsOrEnd } from './arguments.ts';
import { duplicateMajors } from './check/duplicates.ts';
import { longLines } from './check/lines.ts';

const project = join(import.meta.dirname, '..');
const bin = (name: string) => join(project, 'node_modules', '.bin', name);
/** Every folder that has TypeScript somewhere below it. */
const rooms = [...new Set(globSync('*/**/*.{ts,tsx}', { cwd: project, exclude: ['node_modules', 'coverage'] })
  .map((path) => path.split(sep)[0] ?? ''))].sort();

interface Outcome {
  readonly ok: boolean;
  readonly stdout: string;
  /** What it said in all, for the person. */
  readonly output: string;
}

interface Check {
  readonly name: string;
  run(): Promise<Outcome>;
}

const checks: readonly Check[] = [
  { name: 'types', run: () => program(bin('tsc'), ['-p', '.']) },
  { name: 'types of web', run: () => program(bin('tsc'), ['-p', 'web', '--noEmit']) },
  { name: 'lint', run: () => program(bin('oxlint'), ['--type-aware', '--deny-warnings']) },
  {
    name: 'layers',
    run: () => program(bin('depcruise'), ['--config', '.dependency-cruiser.cjs', ...rooms]),
  },
  { name: 'lines', run: lines },
  { name: 'dependencies', run: dependencies },
];

function lines(): Promise<Outcome> {
  const long = longLines(project);
  return Promise.resolve({ ok: long.length === 0, stdout: '', output: long.join('\n') });
}

/** npm's own view (nothing missing, nothing invalid) and ours (no direct dependency twice). */
async function dependencies(): Promise<Outcome> {
  const listed = await program('npm', ['ls', '--all', '--json']);
  const duplicates = listed.ok ? duplicateMajors(JSON.parse(listed.stdout)) : [];
  return listed.ok && duplicates.length > 0 ? { ...listed, ok: false, output: duplicates.join('\n') } : listed;
}

async function program(command: string, arguments_: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let output = '';
    let stdout = '';
    const child = spawn(command, arguments_, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); stdout += chunk.toString(); });
    child.stderr.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    child.once('error', reject);
    child.once('close', (code) => { resolve({ ok: code === 0, stdout, output }); });
  });
}

optionsOrEnd('Usage: npm run check\n  Takes no arguments.', {});
for (const check of checks) {
  const began = performance.now();
  const { ok, output } = await check.run();
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${check.name.padEnd(13)} ${seconds} s\n`);
  if (!ok) {
    process.stdout.write(`\n${output.trim()}\n`);
    process.exitCode = 1;
    break;
  }
}
