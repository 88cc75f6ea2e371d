/**
 * In which order test files run: those without servers first, and the longest before the shorter ones, so that none is left over
 * at the end.
 */
import { statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readTimes } from '../../scripts/test/times.ts';
import { root } from './folders.ts';

interface TestFile { readonly path: string; readonly context: { readonly config: { readonly displayName?: { readonly name: string } } } }

/** Jest makes one, with options of its own, and asks it. */
export default class Sequencer {
  private readonly seconds: (path: string) => number;

  constructor(seconds: unknown) {
    this.seconds = typeof seconds === 'function' ? seconds as (path: string) => number : lastSeconds();
  }

  sort(tests: readonly TestFile[]): TestFile[] {
    const weighed = tests.map((test) => ({
      test, isPure: test.context.config.displayName?.name === 'pure', seconds: this.seconds(relative(root, test.path)),
    }));
    return weighed.sort((a, b) => Number(b.isPure) - Number(a.isPure) || b.seconds - a.seconds).map(({ test }) => test);
  }

  /** For --onlyFailures: Jest itself leaves out what passed. */
  allFailedTests(tests: readonly TestFile[]): readonly TestFile[] {
    return tests;
  }

  /** The times are written by scripts/test.ts. */
  cacheResults(): void {}
}

/** As they took last; of a file that has not run yet a guess: the larger, the longer. */
function lastSeconds(): (path: string) => number {
  const times = readTimes();
  return (path) => times[path] ?? statSync(join(root, path)).size / 1_000;
}
