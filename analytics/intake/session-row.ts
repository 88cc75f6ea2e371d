/** A session's row for ClickHouse, from its state and its history; and the rows of its events. */
import { createHash, createHmac } from 'node:crypto';
import type { ClosedAnswers } from '../../domain/closed-answers.ts';
import { deviceOf } from '../../domain/device.ts';
import type { StageName } from '../../domain/lifecycle.ts';
import type { SessionView } from '../../domain/message.ts';
import type { SessionEvent, SessionState } from '../../domain/session-state.ts';
import { nameOf, questionsOf, trailOf, type Moment, type Questions, type Trail } from '../history.ts';
import { stageNumbers, type EventRow, type SessionRow } from '../rows.ts';

/** What a history says of a session. */
export type HistoryColumns = Trail & Questions & {
  /** Last event, epoch ms; null: none. */
  readonly last_at: number | null;
};

/** `history` in the session's own order; null: it is not known as a whole. */
export function historyColumns(history: readonly Moment[] | null, symbols: ReadonlyMap<string, string>): HistoryColumns {
  return {
    ...(history === null ? { trail: '', trail_ms: [] } : trailOf(history, symbols)), ...questionsOf(history ?? []),
    last_at: history?.reduce<number | null>((last, { at }) => Math.max(last ?? at, at), null) ?? null,
  };
}

/** Of a session of our own. */
export function sessionRow(
  state: SessionState, view: SessionView, history: HistoryColumns, answers: ClosedAnswers, pseudonymKey: Uint8Array,
): SessionRow {
  const after = (at: number | null | undefined): number => (at == null ? 0 : Math.max(at - state.created_at, 0));
  const reached = (stage: StageName): number => after(state.stages[stage]);
  const { last_at, ...columns } = history;
  return {
    tenant: state.tenant, session_id: state.session_id, version: state.revision, started_at: state.created_at, flow: view.flow.id,
    flow_version: view.flow.version, language: state.language, segment: state.segment, client: state.tenant, state: state.state,
    stage: stageNumbers[view.stage], engaged_ms: reached('engaged'), recommendations_generated_ms: reached('recommendations_generated'),
    approval_decision_ms: reached('approval_decision'), completed_ms: reached('completed'), abandoned_ms: after(state.abandoned_at),
    ended_ms: after(state.ended_at), answers: view.answers_count,
    repeats: Object.values(state.asked).reduce((sum, times) => sum + times - 1, 0), errors: state.refusals,
    user_key: userKey(pseudonymKey, state.tenant, state.owner), origin: 'workflow', device: deviceOf(state.client_context),
    closed_answers: answers, ...columns, last_ms: after(last_at ?? state.last_activity_at),
    is_deleted: 0,
  };
}

/** A person's pseudonym: ClickHouse holds no user ids. */
export function userKey(pseudonymKey: Uint8Array, tenant: string, user: string): string {
  return createHmac('sha256', pseudonymKey).update(`${tenant}\n${user}`).digest('hex').slice(0, 32);
}

export function eventRows(state: Pick<SessionState, 'tenant' | 'session_id' | 'created_at'>, events: readonly SessionEvent[]): EventRow[] {
  return events.map((event) => ({
    tenant: state.tenant, session_id: state.session_id, session_started_at: state.created_at, seq: event.sequence, ts: event.at,
    event: event.event, name: nameOf(event), question_id: event.question_id, properties: event.properties, origin: 'workflow',
    event_id: eventIdOf(`${state.session_id}:${event.sequence}`),
  }));
}

/** `text` says which event of which session it is. */
export function eventIdOf(text: string): string {
  return createHash('sha256').update(text).digest().readBigUInt64BE(0).toString();
}
