import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bounds } from './bounds.ts';
import { jsonBytes } from './json.ts';
import { ParkedTask, type Parking, type TaskFailure } from './parked-task.ts';
import { codeOf } from '../test/support/rejection.ts';

const failure = (message = 'no'): TaskFailure => ({
  category: 'llm_api', severity: 'high', unclassified: false, exception_type: 'ModelCallError', message, fingerprint: 'f',
  attempts: [{ number: 1, at: 1, category: 'llm_api', error: message, delay_seconds: null, worker: '1@host' }],
});
const parking: Parking = {
  task_id: 't', tenant: 'acme', task_name: 'proposeRecommendations', input: { number: 1 }, reply_to: 'session:acme:s', max_retries: 3,
  failure: failure(),
  context: { session_id: 's', user: 'ana', correlation_id: 'c' },
};
const park = (): ParkedTask => ParkedTask.park(parking, 10);

describe('a parked task', () => {
  test('is retried three times without force, and with force as often as somebody wants it', () => {
    const task = park();
    for (let round = 1; round <= 3; round += 1) {
      expect(codeOf(() => task.checkRetry({}))).toBe('allowed');
      task.retry({ actor: 'dee' }, 20);
      task.failed(failure(), 30);
    }
    expect(codeOf(() => task.checkRetry({}))).toBe('max_retries_exceeded');
    expect(codeOf(() => task.checkRetry({ force: true }))).toBe('allowed');
  });

  test('refuses a click on a round that is over', () => {
    const task = park();
    expect(codeOf(() => task.checkRetry({ round: 0 }))).toBe('allowed');
    task.retry({}, 20);
    task.failed(failure(), 30);
    expect(codeOf(() => task.checkRetry({ round: 0 }))).toBe('not_parked');
    expect(codeOf(() => task.checkRetry({ round: 1 }))).toBe('allowed');
  });

  test('carries no more than its bounds however often it is retried, whatever is sent past the API', () => {
    const task = ParkedTask.park({ ...parking, input: { number: 1, answers: 'x'.repeat(600_000) } }, 10);
    const long = '\u0939'.repeat(5_000);
    for (let round = 0; round < 400; round += 1) {
      task.retry({ actor: long, reason: long, force: true }, 20);
      task.failed(failure(long.slice(0, 300)), 30);
    }
    expect(jsonBytes(task.state.history)).toBeLessThanOrEqual(bounds.task_history);
    expect(task.state.history.at(-1)).toMatchObject({ round: 400 });
    expect(jsonBytes(task.state)).toBeLessThanOrEqual(bounds.task_input + bounds.task_history + 8_192);
    expect(codeOf(() => task.checkRetry({ force: true, input: { number: 1, answers: 'x'.repeat(bounds.task_input) } })))
      .toBe('input_invalid');
    task.discard({ reason: long }, 40);
    expect(task.state.discarded?.reason).toHaveLength(1_000);
  });

  test('tells an amended input from the original one, and who asked from what came by itself', () => {
    const task = park();
    task.retry({ reason: 'mended', input: { number: 2 } }, 20);
    task.failed(failure('still no'), 30);
    expect(task.state).toMatchObject({ input: { number: 2 }, failure: { message: 'still no' } });
    expect(task.state.history.map(({ round, actor, reason, input }) => ({ round, actor, reason, input }))).toEqual([
      { round: 0, actor: null, reason: null, input: 'original' }, { round: 1, actor: 'temporal-ui', reason: 'mended', input: 'amended' },
    ]);
  });

  test('leaves whose it is as it is, and what others have approved, whoever amends its input and by which way', () => {
    const task = ParkedTask.park(
      { ...parking, input: { tenant: 'acme', session_id: 's', changes: [{ target: 'a' }], note: 'x' }, fixed: ['changes'] }, 10,
    );
    const amended = (input: object): string => codeOf(() => task.checkRetry({
      input: { tenant: 'acme', session_id: 's', changes: [{ target: 'a' }], note: 'y', ...input },
    }));
    expect(amended({})).toBe('allowed');
    expect([amended({ tenant: 'other' }), amended({ session_id: null }), amended({ changes: [{ target: 'b' }] }), amended({ changes: [] })])
      .toEqual(Array.from({ length: 4 }, () => 'input_invalid'));
    expect(codeOf(() => task.checkRetry({ input: ['acme'], force: true }))).toBe('input_invalid');
  });

  test('that is cancelled is discarded by temporal-ui; while it is retried only when that fails', () => {
    const waiting = park();
    waiting.cancel(20);
    expect(waiting.state).toMatchObject({ status: 'discarded', discarded: { actor: 'temporal-ui', reason: 'cancelled in Temporal' } });
    const retried = (): ParkedTask => {
      const task = park();
      task.retry({ actor: 'dee' }, 20);
      task.cancel(25);
      expect(task.state.status).toBe('retrying');
      return task;
    };
    const [failing, succeeding] = [retried(), retried()];
    failing.failed(failure(), 30);
    expect(failing.state).toMatchObject({ status: 'discarded', discarded: { actor: 'temporal-ui' } });
    expect([succeeding.succeeded(30), succeeding.state.status]).toEqual([true, 'completed']);
  });

  test('that nobody waits for any more is discarded, also when it succeeds after that', () => {
    const task = park();
    task.retry({}, 20);
    task.supersede(25);
    expect(task.state.status).toBe('retrying');
    expect(task.succeeded(30)).toBe(false);
    expect(task.state).toMatchObject({ status: 'discarded', discarded: { actor: 'system', reason: 'superseded' }, succeeded_late_at: 30 });
    expect(task.isSuperseded).toBe(true);
  });

  test('whatever is asked of it in whichever order: the revision only grows, history only grows, and what has ended stays so', () => {
    const step = fc.constantFrom('retry', 'discard', 'supersede', 'fail', 'succeed');
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const task = park();
      let before = { revision: 1, attempts: 1, ended: false };
      for (const what of steps) {
        if (what === 'retry' && codeOf(() => task.checkRetry({})) === 'allowed') task.retry({}, 20);
        if (what === 'discard' && codeOf(() => task.checkDiscard()) === 'allowed') task.discard({}, 20);
        if (what === 'supersede') task.supersede(20);
        if (what === 'fail' && task.state.status === 'retrying') task.failed(failure(), 20);
        if (what === 'succeed' && task.state.status === 'retrying') task.succeeded(20);
        const { revision, history, manual_retries: retries, status } = task.state;
        expect(revision).toBeGreaterThanOrEqual(before.revision);
        expect(history.length).toBeGreaterThanOrEqual(before.attempts);
        expect(retries).toBeLessThanOrEqual(3);
        if (before.ended) expect(revision).toBe(before.revision);
        before = { revision, attempts: history.length, ended: status === 'completed' || status === 'discarded' };
      }
    }));
  });
});
