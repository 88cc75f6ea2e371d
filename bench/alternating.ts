/** Kinds of a call in alternation: what a noisy machine does to one, it does to the others. */
import type { Session } from './answering.ts';
import { median, range, shuffled, type Random } from './statistics.ts';

/** Whether the call counts. */
type Call<Kind> = (kind: Kind, session: Session) => Promise<boolean>;

export interface Trials<Kind extends string> {
  /** Sessions of each kind, taken in turn. */
  readonly sessions: Readonly<Record<Kind, readonly Session[]>>;
  readonly warmUp: number;
  readonly count: number;
  readonly random: Random;
  readonly call: Call<Kind>;
}

/** Milliseconds of each kind's calls, one at a time, in random order trial by trial; the first ones only warm up. */
export async function alternating<Kind extends string>(
  kinds: readonly Kind[], { sessions, warmUp, count, random, call }: Trials<Kind>,
): Promise<Record<Kind, number[]>> {
  const latencies = Object.fromEntries(kinds.map((kind) => [kind, []])) as unknown as Record<Kind, number[]>;
  for (let trial = 0; trial < warmUp + count; trial += 1) {
    for (const kind of shuffled(kinds, random)) {
      const session = sessions[kind][trial % sessions[kind].length];
      if (session === undefined) throw new Error('A session is missing.');
      const began = performance.now();
      const counts = await call(kind, session);
      if (counts && trial >= warmUp) latencies[kind].push(performance.now() - began);
    }
  }
  return latencies;
}

/** Each session sends its next call when it has the outcome of the last. `inTime`: those that ended before the window did. */
export async function closedLoop(
  sessions: readonly Session[], seconds: number, call: (session: Session) => Promise<boolean>,
): Promise<{ readonly all: number; readonly inTime: number }> {
  const deadline = performance.now() + seconds * 1_000;
  let inTime = 0;
  let all = 0;
  await Promise.all(sessions.map(async (session) => {
    while (performance.now() < deadline) {
      if (!await call(session)) continue;
      all += 1;
      if (performance.now() <= deadline) inTime += 1;
    }
  }));
  return { all, inTime };
}

export interface Ranged { readonly value: number; readonly range: readonly [low: number, high: number] }

/** What was measured within seconds of each other: the ratio of two rounds shakes less than that of two medians. */
export function ratioByRound(a: readonly number[], b: readonly number[]): Ranged {
  const ratios = ratiosByRound(a, b);
  return { value: median(ratios), range: range(ratios) };
}

export function ratiosByRound(a: readonly number[], b: readonly number[]): number[] {
  return a.map((item, round) => item / (b[round] ?? Number.NaN));
}
