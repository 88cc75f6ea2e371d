/** npm test: Jest with the passed arguments, its own output untouched, then one line with the counts. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

const project = join(import.meta.dirname, '..');
const report = join(project, '.local', `jest-${process.pid}.json`);   // two runs at once must not mix their counts

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** Exit code of Jest; 128 + its number for a signal. Ctrl-C reaches Jest by itself, so we only outlive it. */
async function runJest(arguments_: readonly string[]): Promise<number> {
  const jest = join(project, 'node_modules', 'jest', 'bin', 'jest.js');
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const all = [...flags, jest, '--json', `--outputFile=${report}`, ...arguments_];
  const child = spawn(process.execPath, all, { cwd: project, stdio: 'inherit' });
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => { child.kill('SIGTERM'); });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => { resolve(code ?? (signal === 'SIGINT' ? 130 : 143)); });
  });
}

/** A test file that does not even load counts as one failure. Undefined when Jest wrote no report. */
async function counts(): Promise<Counts | undefined> {
  const text = await readFile(report, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const result: unknown = JSON.parse(text);
  const number = (name: string) => {
    const entries = typeof result === 'object' && result !== null ? Object.entries(result) : [];
    const value: unknown = entries.find(([key]) => key === name)?.[1];
    return typeof value === 'number' ? value : 0;
  };
  return { passed: number('numPassedTests'), failed: number('numFailedTests') + number('numRuntimeErrorTestSuites') };
}

await mkdir(join(project, '.local'), { recursive: true });
try {
  const code = await runJest(process.argv.slice(2));
  const counted = await counts();
  process.stdout.write(`${counted?.passed ?? 0} passed, ${counted?.failed ?? 0} failed\n`);
  const ran = (counted?.passed ?? 0) + (counted?.failed ?? 0) > 0;
  if (!ran && code === 0) process.stderr.write('No test ran.\n');
  process.exitCode = code === 0 && (!ran || (counted?.failed ?? 0) > 0) ? 1 : code;
} finally {
  await rm(report, { force: true });
}
