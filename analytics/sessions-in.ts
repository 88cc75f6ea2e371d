/** The one place that selects sessions for reports: every report counts the same ones, and the list behind a number lists them. */
import type { Device } from '../domain/device.ts';
import type { SessionStateName, StageName } from '../domain/lifecycle.ts';
import type { Parameter } from '../stores/clickhouse/client.ts';
import { endedStates, importLeftAfterMs, stageNumbers, type Segment, type SessionOrigin } from './rows.ts';
import { whyConditions, type WhySelection } from './why-selection.ts';

/** Sessions of a tenant started in [startMs, endMs), epoch milliseconds. */
export interface SessionFilters {
  readonly tenant: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly flow?: string | undefined;
  readonly flow_version?: number | undefined;
  readonly language?: string | undefined;
  readonly segment?: Segment | undefined;
  readonly device?: Device | undefined;
  /** What was answered to a closed question. */
  readonly answer?: ClosedAnswer | undefined;
}

export interface ClosedAnswer { readonly question_id: string; readonly value: string }

/** dropped: left without completing, at `stage` where one is named; still_open: may go on from there. */
export const outcomes = ['completed', 'dropped', 'still_open'] as const;
/** With a question: it was shown; answered; put again; shown last when the session left; shown, and that is not where it left. */
export const questionOutcomes = ['shown', 'answered', 'repeated', 'left', 'past'] as const;

/** Which of the sessions stand behind a number; each part narrows. */
export interface Selection extends WhySelection {
  /** Reached it; with `outcome` dropped or still_open: came no further. */
  readonly stage?: StageName | undefined;
  readonly outcome?: (typeof outcomes)[number] | (typeof questionOutcomes)[number] | undefined;
  readonly question_id?: string | undefined;
  readonly state?: SessionStateName | undefined;
  /** In a state from which it may go on. */
  readonly is_open?: true | undefined;
  /** Ended then or later, epoch ms. */
  readonly ended_from_ms?: number | undefined;
  /** Of our own, none of another system. */
  readonly origin?: SessionOrigin | undefined;
  /** Reached the stage, or completed, within so long of its own start. */
  readonly within_seconds?: number | undefined;
  /** Started within [from, before), epoch ms: narrower than the period, and nothing at all where that is empty. */
  readonly started_from_ms?: number | undefined;
  readonly started_before_ms?: number | undefined;
  /** Also imported sessions that are in no stage. */
  readonly any_stage?: true | undefined;
}

export interface SessionSource {
  /** Text after FROM, with its WHERE. FINAL leaves the newest version of each session and no tombstone. */
  readonly from: string;
  readonly params: Readonly<Record<string, Parameter>>;
}

/** Epoch ms of what was so long after the start, as SQL: numbers, since adding an interval to a time takes several times as long. */
export function msAfterStart(column: 'last_ms' | 'ended_ms'): string {
  return `toUnixTimestamp64Milli(started_at) + ${column}`;
}

export const hasEnded = `state IN (${endedStates.map((state) => `'${state}'`).join(', ')})`;

/** Ended, or counted as abandoned. Of an imported session nobody is told that it was left: after seven days it was. */
export const leftCondition = `(abandoned_ms > 0 OR ${hasEnded}
  OR (origin = 'import'
    AND ${msAfterStart('last_ms')} <= {now_ms:Int64} - ${importLeftAfterMs}))`;

const last = stageNumbers.completed;

/**
 * Tenant and start are the sort key, so they prune; the rest is read only from what is left. `now`: epoch ms, decides what of
 * imported sessions was left.
 */
export function sessionsIn(filters: SessionFilters, now: number, selection: Selection = {}): SessionSource {
  const conditions = [
    'tenant = {tenant:String}',
    'started_at >= fromUnixTimestamp64Milli({start_ms:Int64})',
    'started_at < fromUnixTimestamp64Milli({end_ms:Int64})',
  ];
  const { tenant, startMs, endMs } = filters;
  const narrowed = narrowing(filters);
  const params: Record<string, Parameter> = { tenant, start_ms: startMs, end_ms: endMs, now_ms: now, ...narrowed.params };
  conditions.push(...narrowed.conditions, ...conditionsOf(selection, params));
  return { from: `sessions FINAL\nWHERE ${conditions.join(' AND ')}`, params };
}

/** Whether it is asked for some of the sessions of the tenant and period. */
export function isNarrowed(filters: SessionFilters): boolean {
  return narrowing(filters).conditions.length > 0;
}

/** What filters ask for beside tenant and period. */
export function narrowing(filters: SessionFilters): { readonly conditions: readonly string[]; readonly params: SessionSource['params'] } {
  const conditions: string[] = [];
  const params: Record<string, Parameter> = {};
  for (const name of ['flow', 'language', 'segment', 'device'] as const) {
    const value = filters[name];
    if (value === undefined) continue;
    conditions.push(`${name} = {${name}:String}`);
    params[name] = value;
  }
  if (filters.flow_version !== undefined) {
    conditions.push('flow_version = {flow_version:UInt32}');
    params['flow_version'] = filters.flow_version;
  }
  if (filters.answer !== undefined) {
    // of several choices the one asked for may be any
    conditions.push("has(splitByChar('+', closed_answers[{answer_question:String}]), {answer_value:String})");
    params['answer_question'] = filters.answer.question_id;
    params['answer_value'] = filters.answer.value;
  }
  return { conditions, params };
}

function conditionsOf(selection: Selection, params: Record<string, Parameter>): string[] {
  const { stage, outcome, question_id: question, state, within_seconds: within } = selection;
  const conditions = [...whyConditions(selection, params)];
  for (const [name, compares] of [['started_from_ms', '>='], ['started_before_ms', '<']] as const) {
    const ms = selection[name];
    if (ms === undefined) continue;
    conditions.push(`started_at ${compares} fromUnixTimestamp64Milli({${name}:Int64})`);
    params[name] = ms;
  }
  if (state !== undefined) {
    conditions.push('state = {state:String}');
    params['state'] = state;
  }
  if (selection.is_open === true) conditions.push(`NOT ${hasEnded}`);
  if (selection.origin !== undefined) {
    conditions.push('origin = {origin:String}');
    params['origin'] = selection.origin;
  }
  if (selection.ended_from_ms !== undefined) {
    conditions.push(`${msAfterStart('ended_ms')} >= {ended_from_ms:Int64}`);
    params['ended_from_ms'] = selection.ended_from_ms;
  }
  if (selection.any_stage === true) return conditions;
  if (question !== undefined) {
    params['question'] = question;
    conditions.push(questionCondition(outcome));
    if (stage !== undefined) conditions.push(`stage >= ${stageNumbers[stage]}`);
    return conditions;
  }
  if (outcome === 'dropped' || outcome === 'still_open') {
    conditions.push(`${outcome === 'dropped' ? '' : 'NOT '}${leftCondition}`);
    conditions.push(stage === undefined ? `stage BETWEEN 1 AND ${last - 1}` : `stage = ${stageNumbers[stage]}`, `stage < ${last}`);
  } else {
    const reached = outcome === 'completed' ? 'completed' : stage ?? 'started';
    conditions.push(`stage >= ${stageNumbers[reached]}`);
    if (within !== undefined && reached !== 'started') {
      conditions.push(`${reached}_ms <= {within_ms:UInt64}`);
      params['within_ms'] = within * 1_000;
    }
  }
  return conditions;
}

function questionCondition(outcome: Selection['outcome']): string {
  const place = 'indexOf(questions, {question:String})';
  if (outcome === 'answered') return `arrayElement(question_ms, ${place}) >= 0 AND ${place} > 0`;
  if (outcome === 'repeated') return `${place} > 0 AND arrayElement(question_repeats, ${place}) > 0`;
  const left = `last_question = {question:String} AND stage < ${last} AND ${leftCondition}`;
  if (outcome === 'left' || outcome === 'dropped') return left;
  return outcome === 'past' ? `${place} > 0 AND NOT (${left})` : `${place} > 0`;
}
