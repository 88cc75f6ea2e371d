/**
 * What live events cost: the processor time of the same answers to 100 sessions while each of them is followed by one stream, and
 * while each is followed by ten of its owner's. Both in one run, in turn, and what each stream was sent is counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { readStream, type StreamReader } from '../test/support/stream-reader.ts';
import { until } from '../test/support/until.ts';
import { openSessions, throughApi, type Session } from './answering.ts';
import { cpuMs } from './cpu.ts';
import { startHost, type Host } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Outcome } from './part.ts';
import { median, range, rounded } from './statistics.ts';
import { numberText } from './table.ts';

const sessionsCount = 100;
const [few, many] = [1, 10];
const [rounds, answersEach, answerers, settleSeconds] = [5, 2, 4, 10];
/** Processes whose work a stream makes. */
const measured = ['service', 'temporal', 'redis'] as const;

interface Round { readonly cpu: number; readonly sent: number }

export async function run({ folder, say }: Context): Promise<Outcome> {
  const host = await startHost(folder, {
    GANGWAY_STREAMS: String(sessionsCount * many), GANGWAY_STREAMS_PER_PERSON: String(many),
    // copies go when they are due, which is the same for both and no stream's doing
    GANGWAY_FLUSH_SECONDS: '300',
    // a round is not given up on a busy machine: its processor time is the same
    GANGWAY_ENGINE_TIMEOUT_MS: '20000',
  });
  const http = new HttpClient(host.url);
  try {
    say(`opening ${sessionsCount} sessions ...`);
    const sessions = await openSessions(http, await developmentKey(folder), sessionsCount);
    await sleep(settleSeconds * 1_000);
    const taken: Record<number, Round[]> = { [few]: [], [many]: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const each of round % 2 === 0 ? [few, many] : [many, few]) {
        say(`round ${round + 1} of ${rounds}: ${each * sessionsCount} streams ...`);
        taken[each]?.push(await followed(host, http, sessions, each));
      }
    }
    return outcome(taken[few] ?? [], taken[many] ?? []);
  } finally {
    http.close();
    await host.stop();
  }
}

/** Milliseconds of processor time for the answers alone: streams are opened before and closed after. */
async function followed(host: Host, http: HttpClient, sessions: readonly Session[], each: number): Promise<Round> {
  const open: StreamReader[] = [];
  for (const { id, token } of sessions) {
    open.push(...await Promise.all(Array.from({ length: each }, () => readStream(host.url, id, token))));
  }
  try {
    await until('every stream has begun', () => open.every(({ events }) => events.length > 0));
    const begun = open.map(({ events }) => events.length);
    const newOf = (at: number): number => (open[at]?.events.length ?? 0) - (begun[at] ?? 0);
    const before = await cpuMs(host.pids);
    await answerAll(http, sessions);
    // an answer that is changed is one event at least
    await until('every stream was sent every answer', () => open.every((_, at) => newOf(at) >= answersEach), 60_000);
    const after = await cpuMs(host.pids);
    return {
      cpu: measured.reduce((sum, name) => sum + (after?.[name] ?? 0) - (before?.[name] ?? 0), 0),
      sent: open.reduce((sum, _, at) => sum + newOf(at), 0),
    };
  } finally {
    for (const stream of open) stream.close();
    await sleep(1_000);
  }
}

async function answerAll(http: HttpClient, sessions: readonly Session[]): Promise<void> {
  const answer = throughApi(http);
  const waiting = Array.from({ length: answersEach }, () => sessions).flat();
  await Promise.all(Array.from({ length: answerers }, async () => {
    for (let session = waiting.shift(); session !== undefined; session = waiting.shift()) await answer(session);
  }));
}

function outcome(fewRounds: readonly Round[], manyRounds: readonly Round[]): Outcome {
  const ratios = manyRounds.map(({ cpu }, at) => cpu / (fewRounds[at]?.cpu ?? Number.NaN));
  const answers = sessionsCount * answersEach;
  const row = (each: number, all: readonly Round[]): string[] => [
    String(each * sessionsCount), numberText(median(all.map(({ cpu }) => cpu)) / answers), numberText(median(all.map(({ sent }) => sent))),
  ];
  return {
    title: 'Live events',
    notes: [
      `${sessionsCount} sessions, ${answers} answers a round, ${answerers} people at a time, ${rounds} rounds of each, in turn.`,
      `Processor time of ${measured.join(', ')} together, while the answers are given and until every stream has been sent them.`,
    ],
    tables: [{ head: ['streams', 'CPU ms an answer', 'events sent'], rows: [row(few, fewRounds), row(many, manyRounds)] }],
    figures: [{
      name: `CPU with ${many * sessionsCount} streams on ${sessionsCount} sessions / with ${few * sessionsCount}`,
      value: median(ratios), unit: '', goal: { atMost: 1.5 }, range: range(ratios),
    }],
    details: { few: fewRounds, many: manyRounds, ratios: ratios.map((ratio) => rounded(ratio)) },
  };
}
