/** Rows of an imported session for ClickHouse, from its events: as those of our own sessions, so that reports do not tell them apart. */
import { closedAnswersTold } from '../../domain/closed-answers.ts';
import { deviceOf, type Device } from '../../domain/device.ts';
import type { QuestionRule } from '../../domain/flow.ts';
import { stages, type SessionStateName } from '../../domain/lifecycle.ts';
import type { ImportedSession } from '../../stores/postgres/imported-events.ts';
import type { Moment } from '../history.ts';
import { stageNumbers, type EventRow, type SessionRow, type StageNumber } from '../rows.ts';
import { eventIdOf, historyColumns } from './session-row.ts';

/** An event with its properties opened; those of old ones, and of people who were erased, are gone. */
export interface OpenEvent {
  readonly at: number;
  readonly event: string;
  readonly name: string;
  readonly question_id: string;
  readonly properties: Readonly<Record<string, string>>;
}

type Told = OpenEvent['properties'];

export type ImportedFacts = Pick<
  ImportedSession, 'session_id' | 'version' | 'started' | 'user_key' | 'segment' | 'flow' | 'flow_version' | 'language' | 'device'
>;

/** `events` by time. What their properties do not say any more, the facts say. `questions`: of the session's flow. */
export function importedSessionRow(
  tenant: string, facts: ImportedFacts, events: readonly OpenEvent[], symbols: ReadonlyMap<string, string>,
  questions: readonly QuestionRule[],
): SessionRow {
  const { reached, stage } = stagesOf(events);
  const after = (at: number | null | undefined): number => (at == null ? 0 : Math.max(at - facts.started, 0));
  const { state, ended } = stateOf(events);
  const history = historyColumns(events.map(momentOf), symbols);
  const { last_at: lastAt, ...columns } = history;
  const times = (name: string): number => events.filter((event) => event.name === name).length;
  return {
    tenant, session_id: facts.session_id, version: facts.version, started_at: facts.started, ...dimensionsOf(facts, events),
    segment: facts.segment, client: tenant, state, stage, engaged_ms: after(reached[1]), recommendations_generated_ms: after(reached[2]),
    approval_decision_ms: after(reached[3]), completed_ms: after(reached[4]), abandoned_ms: 0, ended_ms: after(ended),
    answers: times('question_answered'), repeats: columns.question_repeats.reduce((sum, repeats) => sum + repeats, 0),
    errors: times('answer_refused') + times('error'), user_key: facts.user_key ?? '', origin: 'import',
    // of an answer that was given again the last one
    closed_answers: closedAnswersTold(questions, Object.assign({}, ...events.map(({ properties }) => properties)) as Told), ...columns,
    last_ms: after(lastAt), is_deleted: 0,
  };
}

export function momentOf({ at, name, question_id: question }: OpenEvent): Moment {
  return { at, key: question === '' ? name : `${name}:${question}` };
}

/** Consecutive stages from `started` on, none before the one before it: when each was reached first. */
function stagesOf(events: readonly OpenEvent[]): { readonly reached: readonly number[]; readonly stage: StageNumber } {
  const reached: number[] = [];
  for (const stage of stages) {
    const from = reached.at(-1) ?? -Infinity;
    const found = events.find(({ name, at }) => name === stage && at >= from);
    if (found === undefined) break;
    reached.push(found.at);
  }
  const last = stages[reached.length - 1];
  return { reached, stage: last === undefined ? 0 : stageNumbers[last] };
}

/** Completed is for good; a session that goes on after it was cancelled, or after an error, is open again. */
function stateOf(events: readonly OpenEvent[]): { readonly state: SessionStateName; readonly ended: number | null } {
  const completed = events.find(({ name }) => name === 'completed');
  if (completed !== undefined) return { state: 'completed', ended: completed.at };
  const lastAt = events.at(-1)?.at;
  for (const name of ['cancelled', 'error'] as const) {
    if (events.some((event) => event.name === name && event.at === lastAt)) return { state: name, ended: lastAt ?? null };
  }
  return { state: events.some(({ name }) => name !== 'started') ? 'in_progress' : 'started', ended: null };
}

/** What the session's first event says that says it. */
export function dimensionsOf(
  facts: Pick<ImportedFacts, 'flow' | 'flow_version' | 'language' | 'device'>, events: readonly OpenEvent[],
): { readonly flow: string; readonly flow_version: number; readonly language: string; readonly device: Device } {
  const said = (name: string, fits: (value: string) => boolean = () => true): string | undefined => (
    events.find(({ properties }) => { const value = properties[name]; return value !== undefined && fits(value); })?.properties[name]
  );
  const context = { device: said('device') ?? null, user_agent: said('user_agent') ?? null };
  return {
    flow: said('flow', isShort) ?? facts.flow,
    flow_version: Number(said('flow_version', (value) => /^\d{1,6}$/.test(value)) ?? facts.flow_version),
    language: said('language', isShort) ?? facts.language,
    device: context.device === null && context.user_agent === null ? deviceOf({ device: facts.device }) : deviceOf(context),
  };
}

/** Longer ones are no names: each would be an entry of a dictionary of its own. */
function isShort(value: string): boolean {
  return value.length > 0 && value.length <= 100;
}

/** They lie under the start that the session was imported with first. */
export function importedEventRows(
  tenant: string, session: Pick<ImportedSession, 'session_id' | 'events_under'>, events: readonly OpenEvent[],
): EventRow[] {
  return events.map(({ at, event, name, question_id, properties }) => ({
    tenant, session_id: session.session_id, session_started_at: session.events_under, seq: 0, ts: at, event, name, question_id, properties,
    origin: 'import', event_id: eventIdOf(`${session.session_id}:${at}:${event}`),
  }));
}
