/** In which order test files run: those without servers first, and the longest before the shorter ones, so that none is left over at the end. */
import { statSync } from 'node:fs';
import { relative } from 'node:path';
import { readTimes } from '../../scripts/test/times.ts';
import { root } from './folders.ts';

interface TestFile { readonly path: string; readonly context: { readonly config: { readonly displayName?: { readonly name: string } } } }

/** Jest makes one and asks it. */
export default class Sequencer {
  sort(tests: readonly TestFile[]): TestFile[] {
    const times = readTimes();
    const seconds = ({ path }: TestFile): number => times[relative(root, path)] ?? guess(path);
    const isPure = ({ context }: TestFile): boolean => context.config.displayName?.name === 'pure';
    const weighed = tests.map((test) => ({ test, pure: isPure(test) ? 1 : 0, seconds: seconds(test) }));
    return weighed.sort((a, b) => b.pure - a.pure || b.seconds - a.seconds).map(({ test }) => test);
  }

  /** For --onlyFailures: Jest itself leaves out what passed. */
  allFailedTests(tests: readonly TestFile[]): readonly TestFile[] {
    return tests;
  }

  /** The times are written by scripts/test.ts. */
  cacheResults(): void {}
}

/** Seconds of a file that has not run yet: the larger, the longer. */
function guess(path: string): number {
  return statSync(path).size / 1_000;
}
