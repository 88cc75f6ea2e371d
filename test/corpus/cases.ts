/** What people typed, and what is right: the utterances of readings.json, and each language's own corpus. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { validateAnswer } from '../../domain/answer.ts';
import type { Flow, QuestionType } from '../../domain/flow.ts';
import { canonicalJson, type Json } from '../../domain/json.ts';
import { askedQuestion, type Asked } from '../../domain/reading/asked.ts';
import { dayAfter } from '../../domain/reading/calendar.ts';
import { languages } from '../../domain/reading/languages/index.ts';
import type { Reading } from '../../domain/reading/read-text.ts';
import { loadFlowFolder } from '../../flows/files.ts';

/** Asking back, a value, or the day so many days from today. */
export type Acceptable = { readonly ask: true } | { readonly value: Json } | { readonly days_from_today: number };
export interface Case {
  readonly flow: string;
  readonly question: string;
  readonly language: string;
  readonly text: string;
  readonly acceptable: readonly Acceptable[];
}

/** asked: rightly; missed: asked where the text was plain; wrong: a value was taken that is none of the right ones. */
export type Outcome = 'right' | 'asked' | 'missed' | 'wrong';

/** A Friday; no case names a day of the calendar that it would pass by. */
export const clock = { today: '2026-11-27' } as const;

const root = join(import.meta.dirname, '..', '..');
export const flows = await loadFlowFolder(join(root, 'flows'));

export async function sharedCases(): Promise<readonly Case[]> {
  return JSON.parse(await readFile(join(import.meta.dirname, 'readings.json'), 'utf8')) as readonly Case[];
}

/** Of every language that there is. */
export async function ownCases(): Promise<readonly Case[]> {
  const found = await Promise.all(languages.map(async ({ tag }) => {
    const { corpus } = (await import(`../../domain/reading/languages/${tag}/corpus.ts`)) as { corpus: Readonly<Record<string, string>> };
    const linesOf = (text: string) => text.trim().split('\n').map((line) => line.trim());
    return Object.entries(corpus).flatMap(([question, lines]) => linesOf(lines).map((line) => caseOf(question, tag, line)));
  }));
  return found.flat();
}

/** `text => value / ask`. */
function caseOf(question: string, language: string, line: string): Case {
  const [text = '', right = ''] = line.split(' => ');
  const acceptable = right.split(' / ').map((said): Acceptable => {
    if (said === 'ask') return { ask: true };
    return /^[+-]\d+$/.test(said) ? { days_from_today: Number(said) } : { value: JSON.parse(said) as Json };
  });
  return { flow: flowOf(question).id, question, language, text, acceptable };
}

function flowOf(question: string): Flow {
  const flow = flows.find(({ rules }) => rules.questions.some(({ id }) => id === question));
  if (flow === undefined) throw new Error(`No shipped flow asks ${question}.`);
  return flow;
}

const kept = new Map<string, Asked>();

export function askedIn({ flow, question, language }: Pick<Case, 'flow' | 'question' | 'language'>): Asked {
  const key = `${flow} ${question} ${language}`;
  const definition = flows.find(({ id }) => id === flow);
  const asked = kept.get(key) ?? (definition === undefined ? null : askedQuestion(definition, question, language));
  if (asked === null) throw new Error(`There is no question ${key}.`);
  kept.set(key, asked);
  return asked;
}

/** undefined: nothing is taken. */
export function takenValue(asked: Asked, reading: Reading): Json | undefined {
  if (reading.kind === 'skip') return null;
  if (reading.kind !== 'value') return undefined;
  const verdict = validateAnswer(asked.rule, reading.value);
  return verdict.ok ? verdict.value : undefined;
}

export function outcomeOf({ acceptable }: Case, value: Json | undefined): Outcome {
  if (value === undefined) return acceptable.some((right) => 'ask' in right) ? 'asked' : 'missed';
  return rightValues(acceptable).includes(canonicalJson(value)) ? 'right' : 'wrong';
}

/** As canonical JSON. */
export function rightValues(acceptable: readonly Acceptable[]): readonly string[] {
  return acceptable.flatMap((right) => {
    if ('ask' in right) return [];
    return [canonicalJson('value' in right ? right.value : dayAfter(clock.today, right.days_from_today))];
  });
}

export function typeOf(each: Case): QuestionType {
  return askedIn(each).rule.type;
}
