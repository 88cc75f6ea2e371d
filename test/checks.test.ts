/** The checks themselves: each planted fault stays red, so that green means something. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, types } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { root } from './support/folders.ts';

const run = promisify(execFile);

async function failing(program: string, args: readonly string[], cwd = root): Promise<string> {
  try {
    await run(join(root, 'node_modules', '.bin', program), args, { cwd, maxBuffer: 50_000_000, env: { ...process.env, NODE_OPTIONS: '' } });
  } catch (error) {
    return types.isNativeError(error) && 'stdout' in error ? String(error.stdout) : '';
  }
  return '';
}

describe('lint', () => {
  test('finds every planted fault', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gangway-lint-'));
    try {
      // the project's own rules, but for looking away from planted faults and being lenient with tests
      const { ignorePatterns: _, overrides: __, ...rules } = JSON.parse(
        await readFile(join(root, '.oxlintrc.json'), 'utf8'),
      ) as Record<string, unknown>;
      await writeFile(join(folder, 'rules.json'), JSON.stringify(rules));
      const output = await failing('oxlint', [
        '-c', join(folder, 'rules.json'), '--type-aware', '--format', 'unix', 'test/planted/lint-faults.ts',
      ]);
      const found = (rule: string) => output.split('\n').filter((line) => line.includes(rule)).length;
      expect({
        floating: found('no-floating-promises'), misused: found('no-misused-promises'), await: found('await-thenable'),
        return: found('return-await'),
        any: found('no-explicit-any'), member: found('no-unsafe-member-access'), nonNull: found('no-non-null-assertion'),
      }).toEqual({ floating: 2, misused: 2, await: 1, return: 2, any: 1, member: 1, nonNull: 1 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('types', () => {
  test('refuse an asynchronous check of a message, which would reject nothing', async () => {
    const output = await failing('tsc', ['-p', 'test/planted']);
    expect(output).toMatch(/async-check\.ts.*error TS2322/);
  });
});

describe('layers', () => {
  test('an import that points upwards, an impure domain, a value import of an activity or of the contract and a circle are each found', async () => {
    const output = await failing(
      'depcruise', ['--config', join(root, '.dependency-cruiser.cjs'), 'domain', 'workflows', 'activities', 'api', 'web'],
      join(root, 'test', 'planted'),
    );
    for (
      const rule of [
        'domain-points-down', 'domain-is-pure', 'workflows-import-activity-types-only', 'activities-points-down', 'api-points-down',
        'web-takes-types-of-the-contract-only',
        'no-circles',
      ]
    ) {
      expect(output).toContain(rule);
    }
  });
});
