/**
 * How well words are read, and how long that takes: what people typed in test/corpus and in each language's own corpus, against the values
 * that are right. By the script alone, and with a model that is always wrong and one that is always right about what the script leaves:
 * offered to the person to confirm, and taken at once.
 */
import { askedIn, clock, flows, outcomeOf, ownCases, rightValues, sharedCases, takenValue, typeOf, type Case, type Outcome as Reading } from '../test/corpus/cases.ts';
import { validateAnswer } from '../domain/answer.ts';
import { canonicalJson, type Json } from '../domain/json.ts';
import { askedQuestion } from '../domain/reading/asked.ts';
import { contradicts } from '../domain/reading/contradiction.ts';
import { judgementOf } from '../domain/reading/judgement.ts';
import { readText } from '../domain/reading/read-text.ts';
import { valuesIn } from '../domain/reading/sentence.ts';
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
    ...rule.options, rule.options.slice(0, 1), rule.options.slice(1), true, false, 10, 25, 100, '2026-12-31', '2026-11-28', { start: '09:00', end: '17:00' }, { start: '22:00', end: '06:00' }, 'wrong@example.com',
  ];
  const allowed = (values: readonly Json[]) => shuffled(values, random).filter((value) => validateAnswer(rule, value).ok && !right.includes(canonicalJson(value)));
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

export async function run({ say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  const random = seeded(seed);
  const [shared, own] = [await sharedCases(), await ownCases()];
  const all = [...shared, ...own];
  say(`${shared.length} shared utterances, ${own.length} of the languages' own, seed ${seed} ...`);
  const readings = (cases: readonly Case[], model: Model | null, use: Use = 'offered') => cases.map((each) => ({ each, outcome: read(each, model, use, random) }));
  const alone = readings(all, null);
  const times = timesOf(all);
  const askedMs = timeOfAsking();
  const share = (of: readonly { outcome: Reading }[], outcome: Reading) => (of.filter((each) => each.outcome === outcome).length / of.length) * 100;
  const uses = ([['always wrong', wrongModel], ['always right', rightModel]] as const).map(([name, model]) => ({
    name, offers: offers(all, model, random), offered: readings(all, model, 'offered'), taken: readings(all, model, 'taken'),
  }));
  const worst = uses[0]?.offered ?? alone;
  const figures: readonly Figure[] = [
    { name: 'wrong of the shared, in 100', value: share(readings(shared, null), 'wrong'), unit: '', goal: { atMost: 0.5 } },
    { name: 'not understood of the shared, in 100', value: share(readings(shared, null), 'missed'), unit: '', goal: { atMost: 3 } },
    { name: 'wrong with a model that is always wrong, in 100', value: share(worst, 'wrong'), unit: '', goal: { atMost: share(alone, 'wrong') } },
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
      tally('script alone, by type and language', alone.map(({ each, outcome }) => [`${typeOf(each)} ${each.language}`, outcome] as const)),
      tally('the shared alone, by type and language', readings(shared, null).map(({ each, outcome }) => [`${typeOf(each)} ${each.language}`, outcome] as const)),
      tally('with and without a model', [
        ...alone.map(({ outcome }) => ['script alone', outcome] as const),
        ...uses.flatMap(({ name, offered, taken }) => [...offered.map(({ outcome }) => [`${name}, offered`, outcome] as const), ...taken.map(({ outcome }) => [`${name}, taken`, outcome] as const)]),
      ]),
      { head: ['a model for what is not understood', 'proposed', 'not contradicted'], rows: uses.map(({ name, offers: { proposed, left } }) => [name, String(proposed), String(left)]) },
    ],
    figures,
    details: { seed, wrong: alone.filter(({ outcome }) => outcome === 'wrong').map(({ each }) => each), missed: alone.filter(({ outcome }) => outcome === 'missed').map(({ each }) => each) },
  };
}

function tally(title: string, said: readonly (readonly [name: string, outcome: Reading])[]): Table {
  const rows = [...Map.groupBy(said, ([name]) => name)].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, of]) => [name, ...outcomes.map((outcome) => String(of.filter(([, other]) => other === outcome).length))]);
  return { head: [title, ...outcomes], rows };
}

/** Milliseconds of each utterance, read once the code is warm. */
function timesOf(cases: readonly Case[]): readonly number[] {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    for (const each of cases) {
      const asked = askedIn(each);
      const began = performance.now();
      readText(asked, each.text, clock);
      if (round > 0) times.push(performance.now() - began);
    }
  }
  return times;
}

/** A caller keeps a question for as long as the flow is the same; this is what one costs that does not. */
function timeOfAsking(): number {
  const began = performance.now();
  let made = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const flow of flows) for (const { id } of flow.rules.questions) made += askedQuestion(flow, id, flow.default_language) === null ? 0 : 1;
  }
  return (performance.now() - began) / made;
}
