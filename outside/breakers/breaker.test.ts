import { beforeEach, describe, expect, test } from '@jest/globals';
import { TaskCancelledError } from 'cockatiel';
import { Breaker, type BreakerState } from './breaker.ts';
import { BreakerOpenError, OutsideBreaker, type Judgement } from './outside-breaker.ts';
import { Breakers } from './registry.ts';

let ms = 0;
let changes: BreakerState[] = [];
beforeEach(() => {
  ms = 0;
  changes = [];
});
const options = { name: 'tried', failures: 5, openMs: 300_000, now: () => ms, onChange: (state: BreakerState) => { changes.push(state); } };

function opened(): Breaker {
  const breaker = new Breaker(options);
  for (let times = 0; times < 5; times += 1) breaker.admit()?.failed();
  return breaker;
}

describe('a breaker', () => {
  test('opens at the fifth failure in a row; one success begins the row anew', () => {
    const breaker = new Breaker(options);
    for (const ends of ['failed', 'failed', 'failed', 'failed', 'succeeded', 'failed', 'failed', 'failed', 'failed'] as const) {
      breaker.admit()?.[ends]();
    }
    expect(breaker.status()).toMatchObject({ state: 'closed', failures: 4 });
    breaker.admit()?.failed();
    expect([breaker.status().state, breaker.admit(), breaker.waitMs(), breaker.isShut()]).toEqual(['open', null, 300_000, true]);
    expect(changes).toEqual(['open']);
  });

  test('lets exactly one probe through after its time, which closes it or opens it for as long again', () => {
    const breaker = opened();
    ms = 299_999;
    expect(breaker.admit()).toBeNull();
    ms = 300_000;
    const probe = breaker.admit();
    expect([probe?.isProbe, breaker.admit(), breaker.isShut(), breaker.status().state]).toEqual([true, null, true, 'half_open']);
    probe?.failed();
    expect([breaker.waitMs(), breaker.admit()]).toEqual([300_000, null]);
    ms = 600_000;
    breaker.admit()?.succeeded();
    expect(breaker.status()).toMatchObject({ state: 'closed', failures: 0, opened_at: null, next_probe_at: null });
    expect(changes).toEqual(['open', 'half_open', 'open', 'half_open', 'closed']);
  });

  test('is not moved by calls that began before it opened, nor by a probe that was given up', () => {
    const breaker = new Breaker(options);
    const early = Array.from({ length: 7 }, () => breaker.admit());
    for (const pass of early.slice(0, 5)) pass?.failed();
    early[5]?.succeeded();
    early[6]?.failed();
    expect(breaker.status()).toMatchObject({ state: 'open', failures: 5 });
    ms = 300_000;
    const silent = breaker.admit();
    ms = 600_000;
    const next = breaker.admit();
    expect(next?.isProbe).toBe(true);
    silent?.succeeded();
    expect(breaker.status().state).toBe('half_open');
    next?.succeeded();
    silent?.failed();
    expect(breaker.status().state).toBe('closed');
  });

  test('takes an early probe when it is asked to: one, and only where it is open by itself', () => {
    const closed = new Breaker(options);
    closed.probeEarly();
    expect(closed.admit()?.isProbe).toBe(false);

    const breaker = opened();
    ms = 1_000;
    breaker.probeEarly();
    expect([breaker.isShut(), breaker.waitMs()]).toEqual([false, 0]);
    const probe = breaker.admit();
    breaker.probeEarly();
    expect([probe?.isProbe, breaker.admit()]).toEqual([true, null]);
    probe?.failed();
    expect([breaker.waitMs(), breaker.admit()]).toEqual([300_000, null]);
    breaker.set('open');
    breaker.probeEarly();
    expect(breaker.admit()).toBeNull();
  });

  test('obeys an admin until it is set back, which closes it', () => {
    const breaker = new Breaker(options);
    breaker.set('open');
    ms = 900_000;
    expect([breaker.admit(), breaker.status().next_probe_at, breaker.status().override]).toEqual([null, null, 'open']);
    breaker.set('closed');
    for (let times = 0; times < 20; times += 1) breaker.admit()?.failed();
    expect(breaker.status()).toMatchObject({ state: 'closed', override: 'closed' });
    breaker.set(null);
    expect(breaker.status()).toMatchObject({ state: 'closed', failures: 0, override: null });
    expect(breaker.admit()?.isProbe).toBe(false);
  });
});

describe('a breaker around calls outside', () => {
  const failing = (judgement: Judgement) => async (): Promise<never> => { throw new Error(judgement); };
  const outside = (timeoutMs = 1_000): OutsideBreaker => new OutsideBreaker({
    ...options, timeoutMs, judge: (error) => (error as Error).message as Judgement,
  });
  const tried = (breaker: OutsideBreaker, work: () => Promise<unknown>): Promise<unknown> => breaker.call(work).catch(
    (error: unknown) => error,
  );

  test('counts what says that the other side is in trouble; an answer, if only a no, begins the row anew; what says nothing counts for ' +
    'nothing', async () => {
    const breaker = outside();
    const judgements = [
      'failed', 'failed', 'failed', 'failed', 'answered', 'failed', 'failed', 'unknown', 'failed', 'failed',
    ] as const;
    for (const judgement of judgements) await tried(breaker, failing(judgement));
    expect(breaker.status()).toMatchObject({ state: 'closed', failures: 4 });
    expect(await tried(breaker, failing('failed'))).toMatchObject({ message: 'failed' });
    let asked = false;
    const refused = await tried(breaker, async () => { asked = true; });
    expect(refused).toBeInstanceOf(BreakerOpenError);
    expect([asked, refused]).toEqual([false, expect.objectContaining({ breaker: 'tried', retryAfterMs: 300_000 })]);
  });

  test('refuses everybody else at once while a probe hangs, and ends the probe by its time-out', async () => {
    const breaker = outside(50);
    for (let times = 0; times < 5; times += 1) await tried(breaker, failing('failed'));
    breaker.probeEarly();
    const probe = tried(breaker, () => new Promise(() => undefined));
    const others = await Promise.all(Array.from({ length: 20 }, () => tried(breaker, async () => 'asked')));
    expect(others.every((error) => error instanceof BreakerOpenError)).toBe(true);
    expect(await probe).toBeInstanceOf(TaskCancelledError);
    expect([breaker.status().state, breaker.isShut()]).toEqual(['open', true]);
  });

  test.each([['answered', 'closed'], ['unknown', 'open']] as const)('a probe that ends as %s leaves it %s', async (judgement, state) => {
    const breaker = outside();
    for (let times = 0; times < 5; times += 1) await tried(breaker, failing('failed'));
    ms = 300_000;
    await tried(breaker, failing(judgement));
    expect(breaker.status().state).toBe(state);
  });
});

test('a registry lists and sets by name, tells of every change, and has every open breaker probe early', () => {
  const told: unknown[] = [];
  const breakers = new Breakers({ failures: 5, openMs: 300_000 }, (name, state) => { told.push([name, state]); });
  breakers.add(new Breaker({ ...options, onChange: breakers.reporter('tried') }));
  expect([breakers.set('other', 'open'), breakers.set('tried', 'open')?.state, breakers.list().map(({ name, state }) => [name, state])])
    .toEqual([null, 'open', [['tried', 'open']]]);
  expect(told).toEqual([['tried', 'open']]);
  expect(() => breakers.add(new Breaker(options))).toThrow(/two breakers tried/);
  const [one, other] = ['one', 'other'].map((name) => breakers.add(new Breaker({ ...options, name, failures: 1 })));
  one?.admit()?.failed();
  breakers.probeEarly();
  expect([one?.admit()?.isProbe, other?.admit()?.isProbe]).toEqual([true, false]);
});
