/**
 * How well words are read, and how long that takes: what people typed in test/corpus and in each language's own corpus, against the values
 * that are right. By the script alone, and with a model that is always wrong and one that is always right about what the script leaves:
 * offered to the person to confirm, and taken at once.
 */
import { askedIn, clock, flows, outcomeOf, ownCases, rightValues, sharedCases, takenValue, typeOf } from '../test/corpus/cases.ts';
import type { Case, Outcome as Reading } from '../test/corpus/cases.ts';
import { validateAnswer } from '../domain/answer.ts';
import { canonicalJson, type Json } from '../domain/json.ts';
import { askedQuestion } from '../domain/reading/asked.ts';
import { contradicts } from '../domain/reading/contradiction.ts';
import { judgementOf } from '../domain/reading/judgement.ts';
import { readText } from '../domain/reading/read-text.ts';
import { valuesIn } from '../domain/reading/items.ts';
import type { Context, Figure, Outcome, Table } from './part.ts';
import { percentile, seeded, shuffled, type Random } from './statistics.ts';

const outcomes: readonly Reading[] = ['right', 'asked', 'missed', 'wrong'];
const rounds = 20;

/** undefined: it has nothing to say. */
type Model = (each: Case, random: Random) => Json | undefined;

/** The worst: a value that the text seems to name, else any other that the question takes. */
const wrongModel: Model = (each, random) => {
  const { rule } = askedIn(each);
  const right = rightValues(each.acceptable);
  const { judged } = judgementOf(askedIn(each), each.text, clock);
  const named = judged.kind === 'nothing' ? valuesIn(judged.items) : [];
  const any: readonly Json[] = [
    ...rule.options, rule.options.slice(0, 1), rule.options.slice(1), true, false, 10, 25, 100, '2026-12-31', '2026-11-28',
    { start: '09:00', end: '17:00' }, { start: '22:00', end: '06:00' }, 'wrong@example.com',
  ];
  const isWrong = (value: Json): boolean => validateAnswer(rule, value).ok && !right.includes(canonicalJson(value));
  const allowed = (values: readonly Json[]) => shuffled(values, random).filter(isWrong);
  return allowed(named)[0] ?? allowed(any)[0];
};

const rightModel: Model = (each) => each.acceptable.flatMap((right) => ('value' in right && right.value !== null ? [right.value] : []))[0];

/** How a model's value is used: offered, so that the person is asked, or taken. */
type Use = 'offered' | 'taken';

/** A model is asked for what the script did not understand, and what it says counts only if the text does not say otherwise. */
function read(each: Case, model: Model | null, use: Use, random: Random): Reading {
  const asked = askedIn(each);
  const reading = readText(asked, each.text, clock);
  const value = takenValue(asked, reading);
  if (model === null || use === 'offered' || reading.kind !== 'not_understood' || value !== undefined) return outcomeOf(each, value);
  const proposed = model(each, random);
  return outcomeOf(each, proposed === undefined || contradicts(each.text, proposed, asked, clock) ? undefined : proposed);
}

/** Of the texts that the script did not understand: how many of a model's values are left for the person to confirm. */
function offers(cases: readonly Case[], model: Model, random: Random): { readonly proposed: number; readonly left: number } {
  const open = cases.filter((each) => readText(askedIn(each), each.text, clock).kind === 'not_understood');
  const proposed = open.flatMap((each) => {
    const value = model(each, random);
    return value === undefined ? [] : [contradicts(each.text, value, askedIn(each), clock)];
  });
  return { proposed: proposed.length, left: proposed.filter((against) => !against).length };
}

type Readings = readonly { readonly each: Case; readonly outcome: Reading }[];

export async function run({ say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  const random = seeded(seed);
  const [shared, own] = [await sharedCases(), await ownCases()];
  const all = [...shared, ...own];
  say(`${shared.length} shared utterances, ${own.length} of the languages' own, seed ${seed} ...`);
  const readings = (cases: readonly Case[], model: Model | null, use: Use = 'offered') =>
    cases.map((each) => ({ each, outcome: read(each, model, use, random) }));
  const alone = readings(all, null);
  const times = timesOf(all);
  const askedMs = timeOfAsking();
  const casesOf = (of: Readings, outcome: Reading) => of.filter((each) => each.outcome === outcome).map(({ each }) => each);
  const share = (of: Readings, outcome: Reading) => (casesOf(of, outcome).length / of.length) * 100;
  const byType = (of: Readings) => of.map(({ each, outcome }) => [`${typeOf(each)} ${each.language}`, outcome] as const);
  const named = (name: string, of: Readings) => of.map(({ outcome }) => [name, outcome] as const);
  const uses = ([['always wrong', wrongModel], ['always right', rightModel]] as const).map(([name, model]) => ({
    name, offers: offers(all, model, random), offered: readings(all, model, 'offered'), taken: readings(all, model, 'taken'),
  }));
  const worst = uses[0]?.offered ?? alone;
  const figures: readonly Figure[] = [
    { name: 'wrong of the shared, in 100', value: share(readings(shared, null), 'wrong'), unit: '', goal: { atMost: 0.5 } },
    { name: 'not understood of the shared, in 100', value: share(readings(shared, null), 'missed'), unit: '', goal: { atMost: 3 } },
    { name: 'wrong with the worst model, in 100', value: share(worst, 'wrong'), unit: '', goal: { atMost: share(alone, 'wrong') } },
    { name: 'one reading, median', value: percentile(times, 0.5), unit: 'ms', goal: { atMost: 1 } },
    { name: 'one reading, p99', value: percentile(times, 0.99), unit: 'ms', goal: { atMost: 1 } },
    { name: 'a question made ready, mean', value: askedMs, unit: 'ms', goal: null },
  ];
  return {
    title: 'What people type, and what it is read as',
    notes: [
      'right: a right value or skip; asked: rightly asked back; missed: asked where the text was plain; wrong: another value was taken.',
      'The shared utterances were not written with the reader; the others were, and grew with it.',
    ],
    tables: [
      tally('script alone, by type and language', byType(alone)),
      tally('the shared alone, by type and language', byType(readings(shared, null))),
      tally('with and without a model', [
        ...named('script alone', alone),
        ...uses.flatMap(({ name, offered, taken }) => [...named(`${name}, offered`, offered), ...named(`${name}, taken`, taken)]),
      ]),
      {
        head: ['a model for what is not understood', 'proposed', 'not contradicted'],
        rows: uses.map(({ name, offers: { proposed, left } }) => [name, String(proposed), String(left)]),
      },
    ],
    figures,
    details: { seed, wrong: casesOf(alone, 'wrong'), missed: casesOf(alone, 'missed') },
  };
}

function tally(title: string, said: readonly (readonly [name: string, outcome: Reading])[]): Table {
  const count = (of: typeof said, outcome: Reading) => String(of.filter(([, other]) => other === outcome).length);
  const groups = [...Map.groupBy(said, ([name]) => name)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { head: [title, ...outcomes], rows: groups.map(([name, of]) => [name, ...outcomes.map((outcome) => count(of, outcome))]) };
}

/** Milliseconds of each utterance: the median of the rounds once the code is warm, so that a busy machine is not what is measured. */
function timesOf(cases: readonly Case[]): readonly number[] {
  return cases.map((each) => {
    const asked = askedIn(each);
    const times = Array.from({ length: rounds }, () => {
      const began = performance.now();
      readText(asked, each.text, clock);
      return performance.now() - began;
    });
    return percentile(times, 0.5);
  });
}

/** A caller keeps a question for as long as the flow is the same; this is what one costs that does not. */
function timeOfAsking(): number {
  const began = performance.now();
  let made = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const flow of flows) {
      for (const { id } of flow.rules.questions) made += askedQuestion(flow, id, flow.default_language) === null ? 0 : 1;
    }
  }
  return (performance.now() - began) / made;
}
