/** Which sessions stand behind the numbers of why people leave: what a session has or has not, and how soon it came how far. */
import type { Parameter } from '../stores/clickhouse/client.ts';
import { stageNumbers } from './rows.ts';

export const factorKinds = ['answer', 'device', 'language', 'user_segment', 'repeat', 'refusal', 'error'] as const;
export type FactorKind = (typeof factorKinds)[number];

/** What a session has or has not. */
export interface FactorName {
  readonly kind: FactorKind;
  /** Of an answer, a repeat and a refusal; null of others. */
  readonly question_id: string | null;
  /** The answer, device, language or segment; null of what is there or not. */
  readonly value: string | null;
}

export const factorSides = ['with', 'without'] as const;
export type FactorSide = (typeof factorSides)[number];

export interface WhySelection {
  /** `factorText`; those that could have had it, and with `factor_side` those that had it or had it not. */
  readonly factor?: string | undefined;
  readonly factor_side?: FactorSide | undefined;
  /** QUESTION:CODE of an answer that was refused. */
  readonly refused?: string | undefined;
  /** STEP:CATEGORY of a task that was parked. */
  readonly parked?: string | undefined;
  /** How long it took to the end, or to the last thing that happened: from, inclusive; to, exclusive. */
  readonly minutes_from?: number | undefined;
  readonly minutes_to?: number | undefined;
}

/** `answer:QUESTION:VALUE`, `repeat:QUESTION`, `refusal:QUESTION`, `device:VALUE`, `language:VALUE`, `user_segment:VALUE`, `error`. */
export function factorText({ kind, question_id: question, value }: FactorName): string {
  return [kind, question, value].filter((part) => part !== null).join(':');
}

/** null: it is none. */
export function readFactor(text: string): FactorName | null {
  const [name = '', ...rest] = text.split(':');
  const kind = factorKinds.find((each) => each === name);
  if (kind === undefined) return null;
  if (kind === 'error') return rest.length === 0 ? { kind, question_id: null, value: null } : null;
  if (kind === 'repeat' || kind === 'refusal') return named(rest.join(':'), (question_id) => ({ kind, question_id, value: null }));
  if (kind !== 'answer') return named(rest.join(':'), (value) => ({ kind, question_id: null, value }));
  const [question = '', ...value] = rest;
  return question === '' ? null : named(value.join(':'), (each) => ({ kind, question_id: question, value: each }));
}

function named(text: string, name: (text: string) => FactorName): FactorName | null {
  return text === '' ? null : name(text);
}

/** A word and a code behind it: QUESTION:CODE, STEP:CATEGORY. */
export function pairText(first: string, code: string): string {
  return `${first}:${code}`;
}

const lastColumn = `if(stage >= ${stageNumbers.completed}, completed_ms, last_ms)`;
const minuteMs = 60_000;

/** Conditions on the columns of `sessions`; binds what it names. `tenant`, `start_ms` and `end_ms` are bound already. */
export function whyConditions(selection: WhySelection, params: Record<string, Parameter>): readonly string[] {
  const { factor: text, factor_side: side, refused, parked, minutes_from: from, minutes_to: to } = selection;
  const conditions: string[] = [];
  const factor = text === undefined ? null : readFactor(text);
  if (factor !== null) {
    const { could, has } = factorCondition(factor, params);
    conditions.push(could);
    if (side !== undefined) conditions.push(side === 'with' ? has : `NOT (${has})`);
  }
  if (refused !== undefined) {
    conditions.push(met('answer_refused', "question_id = {refused_question:String} AND properties['code'] = {refused_code:String}"));
    [params['refused_question'], params['refused_code']] = splitPair(refused);
  }
  if (parked !== undefined) {
    conditions.push(met('task_parked', "properties['step'] = {parked_step:String} AND properties['category'] = {parked_category:String}"));
    [params['parked_step'], params['parked_category']] = splitPair(parked);
  }
  if (from !== undefined) {
    conditions.push(`${lastColumn} >= {from_ms:UInt64}`);
    params['from_ms'] = from * minuteMs;
  }
  if (to !== undefined) {
    conditions.push(`${lastColumn} < {to_ms:UInt64}`);
    params['to_ms'] = to * minuteMs;
  }
  return conditions;
}

/** Of a session: whether it could have had it, and whether it has it. */
interface FactorCondition { readonly could: string; readonly has: string }

const columnOf = { device: 'device', language: 'language', user_segment: 'segment' } as const;

function factorCondition({ kind, question_id: question, value }: FactorName, params: Record<string, Parameter>): FactorCondition {
  if (question !== null) params['factor_question'] = question;
  if (value !== null) params['factor_value'] = value;
  const place = 'indexOf(questions, {factor_question:String})';
  switch (kind) {
    case 'answer':
      return {
        could: 'mapContains(closed_answers, {factor_question:String})',
        has: "has(splitByChar('+', closed_answers[{factor_question:String}]), {factor_value:String})",
      };
    case 'repeat': return { could: `${place} > 0`, has: `arrayElement(question_repeats, ${place}) > 0` };
    case 'refusal': return { could: `${place} > 0`, has: met('answer_refused', 'question_id = {factor_question:String}') };
    case 'error': return { could: gotPastQuestions, has: met('task_parked', '1') };
    default: return { could: `${columnOf[kind]} != ''`, has: `${columnOf[kind]} = {factor_value:String}` };
  }
}

/** Tasks run once every question is answered: whoever did not come so far could not have met an error of one. */
export const gotPastQuestions = `(stage >= ${stageNumbers.recommendations_generated}
  OR (stage = ${stageNumbers.engaged} AND last_question = '' AND notEmpty(questions)))`;

/** Had an event of this name. One stored twice is one, so that this needs no FINAL. */
function met(name: string, condition: string): string {
  return `session_id IN (${eventsOf([name], 'session_id', condition)})`;
}

const within = (column: string): string => (
  `${column} >= fromUnixTimestamp64Milli({start_ms:Int64}) AND ${column} < fromUnixTimestamp64Milli({end_ms:Int64})`
);

/**
 * Events of the sessions of the period, and maybe others. Those of an imported session stay where its first file put them, though an
 * earlier event moves its start: where there are such sessions imported events of all times are looked through.
 */
export function eventsOf(names: readonly string[], columns: string, condition = '1'): string {
  return `SELECT ${columns} FROM events WHERE tenant = {tenant:String} AND ((${within('session_started_at')}) OR (origin = 'import' AND (
      SELECT count() > 0 FROM sessions WHERE tenant = {tenant:String} AND ${within('started_at')} AND origin = 'import')))
    AND name IN (${names.map((name) => `'${name}'`).join(', ')}) AND ${condition}`;
}

/** The code is behind the last colon. */
function splitPair(text: string): readonly [string, string] {
  const colon = text.lastIndexOf(':');
  return [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)];
}
