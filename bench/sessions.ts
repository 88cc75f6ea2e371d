/**
 * What open sessions cost: memory for each one a worker keeps in its cache, and the time of an answer to one that it no
 * longer keeps and has to replay.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { openSessions, throughApi } from './answering.ts';
import { startHost } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Outcome } from './part.ts';
import { processes } from './process-memory.ts';
import { median, range } from './statistics.ts';

const sessionsCached = 2_000;
const settleSeconds = 30;
/** Of the first session. Each other one has one more than the one before, so that they stand at every place of a run. */
const answersEach = 50;
/** More of them than the small cache keeps, so that each is gone when its turn comes again. */
const replayedSessions = 24;
const cacheOfReplay = 8;

export async function run({ folder, say }: Context): Promise<Outcome> {
  const memory = await cachedMemory(join(folder, 'memory'), say);
  const { evicted, cached } = await replayTimes(join(folder, 'replay'), say);
  const ratio = median(evicted) / median(cached);
  return {
    title: 'Open sessions',
    notes: [
      'Memory: RSS of the process (API, worker, ClickHouse inside) before and after ' +
        `${sessionsCached} sessions with one answer each, ${settleSeconds} s settled.`,
      `Replay: ${replayedSessions} sessions of ${answersEach} to ${answersEach + replayedSessions - 1} answers on a cache of ` +
      `${cacheOfReplay}; the first answer in a round replays, the second finds the session cached.`,
    ],
    tables: [
      {
        head: ['', 'p50 ms'],
        rows: [
          ['answer, cached', median(cached).toFixed(1)],
          [`answer, evicted, ${answersEach} answers and more`, median(evicted).toFixed(1)],
        ],
      },
    ],
    figures: [
      { name: 'memory of a cached open session, KiB', value: memory, unit: '', goal: { atMost: 300 } },
      {
        name: 'answer to an evicted session / to a cached one', value: ratio, unit: '', goal: { atMost: 5 },
        range: range(evicted.map((ms) => ms / median(cached))),
      },
    ],
    details: { kib_per_session: memory, evicted_ms: evicted, cached_ms: cached },
  };
}

async function rss(pid: number): Promise<number> {
  return (await processes()).find((row) => row.pid === pid)?.rss ?? 0;
}

async function cachedMemory(data: string, say: Context['say']): Promise<number> {
  const host = await startHost(data, { GANGWAY_CACHED_SESSIONS: String(sessionsCached * 2) });
  const http = new HttpClient(host.url);
  try {
    const key = await developmentKey(data);
    // what the first sessions warm up is not theirs
    await openSessions(http, key, 50);
    await sleep(5_000);
    const before = await rss(host.pids['service'] ?? 0);
    say(`opening ${sessionsCached} sessions ...`);
    await openSessions(http, key, sessionsCached);
    await sleep(settleSeconds * 1_000);
    return (await rss(host.pids['service'] ?? 0) - before) / sessionsCached / 1_024;
  } finally {
    http.close();
    await host.stop();
  }
}

async function replayTimes(data: string, say: Context['say']): Promise<{ evicted: number[]; cached: number[] }> {
  const host = await startHost(data, { GANGWAY_CACHED_SESSIONS: String(cacheOfReplay) });
  const http = new HttpClient(host.url);
  try {
    const sessions = await openSessions(http, await developmentKey(data), replayedSessions);
    const answer = throughApi(http);
    say(`giving ${answersEach} answers and more to each of ${replayedSessions} sessions ...`);
    for (const [at, session] of sessions.entries()) {
      for (let given = 1; given < answersEach + at; given += 1) await answer(session);
    }
    const evicted: number[] = [];
    const cached: number[] = [];
    for (const session of sessions) {
      evicted.push(await timed(() => answer(session)));
      cached.push(await timed(() => answer(session)));
    }
    return { evicted, cached };
  } finally {
    http.close();
    await host.stop();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
