/** npm test: Jest with the passed arguments, its own output untouched, then the slowest files, then one line with the counts. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { keepTimes, tableOf, timesOf } from './test/times.ts';

const project = join(import.meta.dirname, '..');
const report = join(project, '.local', `jest-${process.pid}.json`);   // two runs at once must not mix their counts

/** A test file that does not even load counts as one failure. */
const Counts = z.object({ numPassedTests: z.number(), numFailedTests: z.number(), numRuntimeErrorTestSuites: z.number() })
  .transform((counted) => ({ passed: counted.numPassedTests, failed: counted.numFailedTests + counted.numRuntimeErrorTestSuites }));

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

/** What Jest reported; undefined when it came to none. */
async function reported(): Promise<unknown> {
  const text = await readFile(report, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

await mkdir(join(project, '.local'), { recursive: true });
try {
  const code = await runJest(process.argv.slice(2));
  const result = await reported();
  const times = timesOf(result);
  await keepTimes(times);
  process.stdout.write(tableOf(times, performance.now() / 1_000));
  const { passed, failed } = Counts.safeParse(result).data ?? { passed: 0, failed: 0 };
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  const ran = passed + failed > 0;
  if (!ran && code === 0) process.stderr.write('No test ran.\n');
  process.exitCode = code === 0 && (!ran || failed > 0) ? 1 : code;
} finally {
  await rm(report, { force: true });
}
