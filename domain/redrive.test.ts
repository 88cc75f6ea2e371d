import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redrive } from './redrive.ts';
import type { RedriveInput, RedriveResult } from './redrive-state.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `task-${index}`);
const redrive = (input: Partial<RedriveInput> = {}): Redrive => new Redrive({
  redrive_id: 'r', tenant: 'acme', actor: 'dee', reason: 'it works again', task_ids: ids(20), canary: 0, stop_at_failure_share: 0.5,
  rate_per_second: 5, ...input,
});

function beginAll(of: Redrive): string[] {
  const begun: string[] = [];
  for (let next = of.begin(); next !== null; next = of.begin()) begun.push(next);
  return begun;
}

describe('the canary', () => {
  test('goes out alone: no other is begun before all of it has ended', () => {
    const run = redrive({ canary: 3 });
    expect(beginAll(run)).toEqual(['task-0', 'task-1', 'task-2']);
    run.ended('task-0', 'succeeded');
    run.ended('task-2', 'succeeded');
    expect(run.begin()).toBeNull();
    run.ended('task-1', 'succeeded');
    expect(beginAll(run).length).toBe(17);
  });

  test('that fails stops the redrive, says why, and leaves the others untouched', () => {
    const run = redrive({ canary: 3 });
    for (const id of beginAll(run)) run.ended(id, 'failed');
    expect(run.view()).toMatchObject({ status: 'stopped', succeeded: 0, failed: 3, remaining: 17 });
    expect(run.view().note).toContain('3 of 3');
    expect(run.begin()).toBeNull();
  });
});

describe('a redrive', () => {
  test('is stopped by a share of failures above the one that was asked for, and not by the very one', () => {
    const run = redrive({ task_ids: ids(8) });
    beginAll(run);
    for (const id of ids(4)) run.ended(id, id === 'task-0' || id === 'task-1' ? 'succeeded' : 'failed');
    expect(run.status).toBe('running');
    run.ended('task-4', 'failed');
    expect(run.status).toBe('stopped');
  });

  test('does not take tasks that ended meanwhile for failures', () => {
    const run = redrive({ task_ids: ids(5) });
    for (const id of beginAll(run)) run.ended(id, 'not_parked');
    expect(run.view()).toMatchObject({ status: 'completed', failed: 5, note: null });
  });

  test('begins nothing while it is paused, goes on after it, and nothing ever after it was aborted', () => {
    const run = redrive();
    run.begin();
    run.pause();
    expect([run.begin(), run.status]).toEqual([null, 'paused']);
    run.resume();
    expect(run.begin()).toBe('task-1');
    run.abort();
    run.resume();
    expect([run.begin(), run.status, run.isSettled]).toEqual([null, 'aborted', false]);
    run.ended('task-0', 'succeeded');
    run.ended('task-1', 'failed');
    expect(run.isSettled).toBe(true);
  });

  test('without a task is over at once', () => {
    expect(redrive({ task_ids: [] }).view()).toMatchObject({ status: 'completed', matched: 0, remaining: 0 });
  });

  test('whatever comes in whichever order: each is begun once, counted once, and the numbers add up', () => {
    const results: readonly RedriveResult[] = ['succeeded', 'failed', 'not_parked', 'max_retries_exceeded'];
    const step = fc.oneof(
      fc.constant('begin' as const), fc.constantFrom('pause' as const, 'resume' as const),
      fc.record({ task: fc.nat(35), result: fc.constantFrom(...results) }),
    );
    fc.assert(fc.property(fc.nat(30), fc.nat(5), fc.array(step, { maxLength: 200 }), (count, canary, steps) => {
      const run = redrive({ task_ids: ids(count), canary });
      const begun: string[] = [];
      for (const what of steps) {
        if (what === 'pause' || what === 'resume') run[what]();
        else if (what === 'begin') begun.push(...[run.begin()].filter((id) => id !== null));
        else run.ended(`task-${what.task}`, what.result);
        const { matched, succeeded, failed, remaining, results: items } = run.view();
        expect(succeeded + failed + remaining).toBe(matched);
        expect(new Set(begun).size).toBe(begun.length);
        expect(items.every(({ task_id: id }) => begun.includes(id))).toBe(true);
      }
    }));
  });
});
