/** Questions to the stores, each timed many times in random order among the others, beside its goal. */
import type { Figure, Goal, Outcome } from './part.ts';
import { blocks, median, percentile, range, rounded, seeded, shuffled } from './statistics.ts';
import { numberText } from './table.ts';

export interface Question { readonly name: string; readonly goal: Goal | null; readonly ask: () => Promise<unknown> }
/** Milliseconds of each. */
export type Times = ReadonlyMap<Question, readonly number[]>;

const [warmUp, trialBlocks] = [5, 5];

export async function asked(questions: readonly Question[], trials: number, seed: number): Promise<Times> {
  const random = seeded(seed);
  const times = new Map<Question, number[]>(questions.map((question) => [question, []]));
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
