/** What a process says of itself to those who send it requests. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../test/support/until.ts';
import { ReadinessCheck, type ReadinessOptions } from './readiness.ts';

const well = {
  askEngine: () => Promise.resolve(true), engineRoom: null, db: { checkWritable: () => Promise.resolve() },
  redis: { ping: () => Promise.resolve('PONG') }, clickhouse: { ping: () => Promise.resolve(true) }, taskQueue: 'gangway', identity: null,
  files: { checkWritable: () => Promise.resolve() },
  ownWorker: () => true, stuck: () => Promise.resolve(0), now: () => 0,
} as unknown as ReadinessOptions;
const check = (with_: Partial<ReadinessOptions>) => new ReadinessCheck({ ...well, ...with_ }).check();

describe('the store of files', () => {
  test('that takes nothing is told, and takes nobody out of service', async () => {
    expect(await check({})).toMatchObject({ ready: true, checks: { files: 'ok' } });
    const files = { checkWritable: () => Promise.reject(new Error('full')) };
    expect(await check({ files })).toMatchObject({ ready: true, checks: { files: 'unavailable' } });
  });

  test('that does not answer is unavailable after a second, is asked by one look however many probes come, and is told when it is back', async () => {
    let at = 0;
    let asked = 0;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const files = {
      checkWritable: async () => {
        asked += 1;
        await promise;
      },
    };
    const probes = new ReadinessCheck({ ...well, files, now: () => at });
    const found = async () => (await probes.check()).checks['files'];
    for (at = 0; at < 6_000; at += 2_000) expect(await found()).toBe('unavailable');
    expect(asked).toBe(1);
    resolve(undefined);
    await until('it is told', async () => {
      at += 2_000;
      return await found() === 'ok';
    });
  });

  test('is not written to with every probe while it is well, and is with each while it is not', async () => {
    let at = 0;
    const outcomes = ['ok', 'ok', 'full', 'full', 'ok'];
    let asked = 0;
    const files = {
      checkWritable: () => {
        asked += 1;
        return outcomes[asked - 1] === 'ok' ? Promise.resolve() : Promise.reject(new Error('full'));
      },
    };
    const probes = new ReadinessCheck({ ...well, files, now: () => at });
    const seen: [number, unknown, number][] = [];
    for (at = 0; at <= 28_000; at += 4_000) seen.push([at, (await probes.check()).checks['files'], asked]);
    expect(seen).toEqual([
      [0, 'ok', 1], [4_000, 'ok', 1], [8_000, 'ok', 1], [12_000, 'ok', 2], [16_000, 'ok', 2], [20_000, 'ok', 2],
      [24_000, 'unavailable', 3], [28_000, 'unavailable', 4],
    ]);
  });
});

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
