/** What a process says of itself to those who send it requests. */
import { describe, expect, test } from '@jest/globals';
import { ReadinessCheck, type ReadinessOptions } from './readiness.ts';

const well = {
  askEngine: () => Promise.resolve(true), engineRoom: null, db: { checkWritable: () => Promise.resolve() },
  redis: { ping: () => Promise.resolve('PONG') }, clickhouse: { ping: () => Promise.resolve(true) }, taskQueue: 'gangway', identity: null,
  ownWorker: () => true, stuck: () => Promise.resolve(0), now: () => 0,
} as unknown as ReadinessOptions;
const check = (with_: Partial<ReadinessOptions>) => new ReadinessCheck({ ...well, ...with_ }).check();

describe('the engine that runs beside us', () => {
  test.each([
    ['has room', () => Promise.resolve(true), 'ok', true],
    ['cannot write, though it answers', () => Promise.resolve(false), 'disk_full', false],
    ['cannot be looked at', () => Promise.reject(new Error('no such folder')), 'ok', true],
  ])('%s', async (_, engineRoom, engine, ready) => {
    expect(await check({ engineRoom })).toMatchObject({ ready, checks: { engine } });
  });

  test('that does not answer is unavailable, whatever its disk', async () => {
    const askEngine = () => Promise.reject(new Error('no'));
    expect(await check({ askEngine, engineRoom: () => Promise.resolve(false) })).toMatchObject({
      ready: false, checks: { engine: 'unavailable' },
    });
  });
});
