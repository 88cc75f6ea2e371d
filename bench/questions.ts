/** Questions to the stores, each timed many times in random order among the others, beside its goal. */
import type { Figure, Goal, Outcome } from './part.ts';
import { blocks, median, percentile, range, rounded, seeded, shuffled } from './statistics.ts';
import { numberText } from './table.ts';

interface Asked { readonly name: string; readonly ask: () => Promise<unknown> }
export interface Question extends Asked { readonly goal: Goal | null }
/** Milliseconds of each. */
type TimesOf<Q> = ReadonlyMap<Q, readonly number[]>;
export type Times = TimesOf<Question>;

const trialBlocks = 5;

/** The first rounds only warm up. */
export async function asked<Q extends Asked>(
  questions: readonly Q[], { warmUp, trials }: { readonly warmUp: number; readonly trials: number }, seed: number,
): Promise<TimesOf<Q>> {
  const random = seeded(seed);
  const times = new Map<Q, number[]>(questions.map((question) => [question, []]));
  for (let trial = 0; trial < warmUp + trials; trial += 1) {
    for (const question of shuffled(questions, random)) {
      const began = performance.now();
      await question.ask();
      if (trial >= warmUp) times.get(question)?.push(performance.now() - began);
    }
  }
  return times;
}

export function shownTimes(times: Times): Pick<Outcome, 'tables' | 'figures'> {
  return {
    tables: [{
      head: ['', 'p50', 'p99'],
      rows: [...times].map(([{ name }, took]) => [name, `${numberText(median(took))} ms`, `${numberText(percentile(took, 0.99))} ms`]),
    }],
    figures: [...times].map(([{ name, goal }, took]): Figure => ({
      name, value: median(took), range: range(blocks(took, trialBlocks).map(median)), unit: 'ms', goal,
    })),
  };
}

export function p99Of(times: Times): Readonly<Record<string, number>> {
  return Object.fromEntries([...times].map(([{ name }, took]) => [name, rounded(percentile(took, 0.99))]));
}
