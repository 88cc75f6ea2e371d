/**
 * What a decision of the rate limiter costs, on one Redis and in one run: beside a bare PING, and beside the usual library
 * asked once for each policy. And what it costs when Redis is killed or frozen.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { Breaker } from '../outside/breakers/breaker.ts';
import { Limiter, type Charge } from '../stores/redis/limits/limiter.ts';
import { luaCommand, runLua } from '../stores/redis/limits/lua-command.ts';
import type { Policy, Resource } from '../stores/redis/limits/policy.ts';
import { openRedis } from '../stores/redis/client.ts';
import { startOwnRedis, type OwnRedis } from '../test/support/own-redis.ts';
import { ratioByRound } from './alternating.ts';
import type { Context, Figure, Outcome } from './part.ts';
import { median, percentile, range, rounded, seeded, shuffled } from './statistics.ts';

const rounds = 7;
const perRound = 3_000;
const inFlight = 64;
const subjects = 1_000;
const timeoutMs = 25;
/** Of policies. The library is not expected to be slower with one. */
const counts = [1, 2, 3, 6] as const;
const ways = ['at once', 'in turn'] as const;
const afterFifth = 1_000;
const windows = [[60, 'a'], [3_600, 'b'], [86_400, 'c'], [3_600, 'd'], [86_400, 'e'], [86_400, 'f']] as const;

/** The least that a script does which keeps something in a key, by Redis's time and for so long. */
const bareScript = luaCommand("local now = redis.call('TIME') redis.call('GET', KEYS[1])\n" +
  "redis.call('SET', KEYS[1], now[1], 'PX', '60000') return now");

type Ask = (subject: string) => Promise<unknown>;
interface Contender { readonly name: string; readonly ask: Ask }
interface Measured { readonly p50: number[]; readonly p99: number[]; readonly perSecond: number[] }

export async function run({ folder, say }: Context): Promise<Outcome> {
  const server = await startOwnRedis(folder);
  const redis = openRedis({ url: server.url, timeoutMs: 2_000, onError: () => undefined });
  try {
    await new Promise<void>((resolve) => { redis.once('ready', resolve); });
    const contenders = contendersOn(redis);
    const measured = new Map(contenders.map(({ name }) => [name, { p50: [], p99: [], perSecond: [] } as Measured]));
    const random = seeded(1);
    for (const { ask } of contenders) await times(perRound, ask);
    for (let round = 1; round <= rounds; round += 1) {
      say(`round ${round} of ${rounds}`);
      for (const { name, ask } of shuffled(contenders, random)) {
        const ms = await times(perRound, ask);
        const into = measured.get(name);
        into?.p50.push(percentile(ms, 0.5));
        into?.p99.push(percentile(ms, 0.99));
        into?.perSecond.push(await throughput(ask));
      }
    }
    redis.disconnect();
    say('Redis frozen, then killed');
    return outcome(measured, await withoutRedis(server));
  } finally {
    redis.disconnect();
    await server.kill();
  }
}

function contendersOn(redis: Redis): Contender[] {
  const { limiter } = limiterOn(redis, 2_000);
  const libraries = windows.map(([duration, keyPrefix]) => new RateLimiterRedis({ storeClient: redis, keyPrefix, points: 1e9, duration }));
  return [
    { name: 'PING', ask: () => redis.ping() },
    { name: 'bare script', ask: (subject) => runLua(redis, bareScript, [`bare:${subject}`], []) },
    ...counts.flatMap((count): Contender[] => {
      const charges = chargesOf(count);
      const asked = libraries.slice(0, count);
      return [
        { name: `ours, ${count}`, ask: (subject) => limiter.take(charges, subject) },
        { name: `library, ${count} at once`, ask: (subject) => Promise.all(asked.map((item) => item.consume(subject))) },
        // so that a policy that refuses keeps the others from counting
        { name: `library, ${count} in turn`, ask: async (subject) => { for (const each of asked) await each.consume(subject); } },
      ];
    }),
  ];
}

function chargesOf(count: number): Charge[] {
  const policies = windows.slice(0, count).map(([windowSeconds, name]): Policy => ({
    name, unit: 'requests', quota: 1e9, limit: 1e9, windowSeconds, slice: (windowSeconds * 1_000) / 60, span: 60, shadow: false,
  }));
  const fallback = { limit: 1e9, windowSeconds: 60 };
  const resource: Resource = { name: 'measured', policies, fallback, isNeverGivenBack: true, key: `m${count}`, plan: `m${count}` };
  return [{ resource }];
}

function limiterOn(redis: Redis, commandMs: number): { limiter: Limiter; breaker: Breaker } {
  const now = (): number => performance.now();
  const breaker = new Breaker({ name: 'limiter', failures: 5, openMs: 300_000, now });
  return {
    breaker,
    limiter: new Limiter({ redis, breaker, now, timeoutMs: commandMs, onDecision: () => undefined, onStoreError: () => undefined }),
  };
}

/** Milliseconds of each, one after the other. */
async function times(count: number, ask: Ask): Promise<number[]> {
  const ms: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const began = performance.now();
    await ask(`subject ${index % subjects}`);
    ms.push(performance.now() - began);
  }
  return ms;
}

async function throughput(ask: Ask): Promise<number> {
  const began = performance.now();
  let asked = 0;
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (asked < perRound * 3) {
      asked += 1;
      await ask(`subject ${asked % subjects}`);
    }
  }));
  return asked / ((performance.now() - began) / 1_000);
}

/** `waited`: requests after the fifth that were not decided within the same turn of the event loop. */
interface Away { readonly longestMs: number; readonly waited: number; readonly killedP50: number; readonly killedP99: number }

async function withoutRedis(server: OwnRedis): Promise<Away> {
  const redis = openRedis({ url: server.url, timeoutMs, onError: () => undefined });
  await new Promise<void>((resolve) => { redis.once('ready', resolve); });
  const charges = chargesOf(3);
  const frozen = limiterOn(redis, timeoutMs).limiter;
  await times(100, (subject) => frozen.take(charges, subject));
  server.freeze();
  const waits = await times(5, (subject) => frozen.take(charges, subject));
  let waited = 0;
  for (let index = 0; index < afterFifth; index += 1) {
    waited += await Promise.race([frozen.take(charges, `subject ${index}`).then(() => 0), nextTurn(1)]);
  }
  server.thaw();
  const killed = limiterOn(redis, timeoutMs);
  await server.kill();
  while (killed.breaker.status().state === 'closed') await killed.limiter.take(charges, 'subject');
  const dead = await times(perRound, (subject) => killed.limiter.take(charges, subject));
  redis.disconnect();
  return { longestMs: Math.max(...waits), waited, killedP50: percentile(dead, 0.5), killedP99: percentile(dead, 0.99) };
}

function outcome(measured: ReadonlyMap<string, Measured>, away: Away): Outcome {
  const of = (name: string): Measured => measured.get(name) ?? { p50: [], p99: [], perSecond: [] };
  const ours = (count: number): Measured => of(`ours, ${count}`);
  const library = (count: number, way: string): Measured => of(`library, ${count} ${way}`);
  return {
    title: 'Rate limits: one decision',
    notes: [
      `One Redis, append-only file on, ${subjects} subjects.`,
      `${rounds} rounds in random order: ${perRound} decisions one after the other, then ${perRound * 3} with ${inFlight} in flight.`,
      'The library (rate-limiter-flexible) admits twice a quota across the edge of its window.',
      'Asked at once it counts on one policy what another refuses.',
      `Frozen: SIGSTOP, command time-out ${timeoutMs} ms; the longest of the first five requests, the lateness of timers included.`,
      'Killed: SIGKILL, breaker open.',
    ],
    tables: [{
      head: ['', 'p50 ms', 'p99 ms', 'decisions/s, 64 in flight'],
      rows: [...measured].map(([name, each]) => [
        name, median(each.p50).toFixed(3), median(each.p99).toFixed(3), median(each.perSecond).toFixed(0),
      ]),
    }],
    figures: [
      ratioOf('3 policies / PING, p50', { atMost: 2 }, ours(3).p50, of('PING').p50),
      ratioOf('3 policies / bare script, p50', null, ours(3).p50, of('bare script').p50),
      { name: '3 policies, p99', value: median(ours(3).p99), unit: 'ms', goal: { atMost: 2 }, range: range(ours(3).p99) },
      ...ways.flatMap((way) => counts.map((count) => (
        ratioOf(`${count} / library ${way}, p50`, count === 1 ? null : { atMost: 1 }, ours(count).p50, library(count, way).p50)
      ))),
      ...ways.flatMap((way) => counts.map((count) => (
        ratioOf(
          `${count} / library ${way}, decisions/s`, count === 1 ? null : { atLeast: 1 }, ours(count).perSecond,
          library(count, way).perSecond,
        )
      ))),
      { name: 'killed, breaker open, p50', value: away.killedP50, unit: 'ms', goal: { atMost: 0.1 } },
      { name: 'killed, breaker open, p99', value: away.killedP99, unit: 'ms', goal: { atMost: 0.1 } },
      { name: 'frozen, longest wait', value: away.longestMs, unit: 'ms', goal: { atMost: timeoutMs + 5 } },
      { name: `frozen, of ${afterFifth} after the fifth that waited`, value: away.waited, unit: '', goal: { atMost: 0 } },
    ],
    details: { contenders: Object.fromEntries([...measured].map(([name, each]) => [name, detailsOf(each)])) },
  };
}

function ratioOf(name: string, goal: Figure['goal'], one: readonly number[], other: readonly number[]): Figure {
  return { name, unit: '', goal, ...ratioByRound(one, other) };
}

function detailsOf({ p50, p99, perSecond }: Measured): Readonly<Record<string, number>> {
  return { p50_ms: rounded(median(p50)), p99_ms: rounded(median(p99)), per_second: rounded(median(perSecond), 0) };
}
