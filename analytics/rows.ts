/**
 * What ClickHouse holds: one versioned row per session and one row per event. The tables are in
 * stores/clickhouse/schema/; the workflow is the only writer. No answers marked `pii` and no user ids are here.
 *
 * Times are epoch milliseconds. 64-bit numbers are JavaScript numbers and must be safe integers.
 */
import { isEnded, sessionStates } from '../domain/lifecycle.ts';
import type { ClosedAnswers } from '../domain/closed-answers.ts';
import type { Device } from '../domain/device.ts';
import type { SessionStateName, StageName } from '../domain/lifecycle.ts';
import type { Questions, Trail } from './history.ts';

/** The stage as one byte: the funnel over 5 M sessions is 3-6 times faster than with five DateTime64 columns. */
export const stageNumbers = {
  started: 1,
  engaged: 2,
  recommendations_generated: 3,
  approval_decision: 4,
  completed: 5,
} as const satisfies Readonly<Record<StageName, number>>;
/** 0: an imported session without a `started`; no report of stages has it. */
export type StageNumber = 0 | (typeof stageNumbers)[StageName];

/** Returning = this user had an earlier session, ever; by the whole history, not by the period asked for. */
export const segments = ['first_time', 'returning'] as const;
export type Segment = (typeof segments)[number];

/**
 * One version of one session; the highest `version` counts. `started_at` is in the sort and partition key and must not
 * change: a changed one is a second session that FINAL keeps (a moved import writes a tombstone under the old key).
 * An offset counts milliseconds after `started_at`, never decreases along the stages, and has a meaning only where
 * `stage` (or, for `ended_ms`, `state`) says that the thing happened; it is 0 otherwise.
 */
export interface SessionRow extends Trail, Questions {
  readonly tenant: string;
  readonly session_id: string;
  readonly version: number;
  readonly started_at: number;
  readonly flow: string;
  readonly flow_version: number;
  readonly language: string;
  readonly segment: Segment;
  readonly client: string;
  readonly state: SessionStateName;
  readonly stage: StageNumber;
  readonly engaged_ms: number;
  readonly recommendations_generated_ms: number;
  readonly approval_decision_ms: number;
  readonly completed_ms: number;
  /** When idle time made it count as abandoned; above 0 then, and 0 again when an answer or a resume revives it. */
  readonly abandoned_ms: number;
  readonly ended_ms: number;
  readonly answers: number;
  readonly repeats: number;
  readonly errors: number;
  /** Keyed hash of the user, as text. Replaced by a random one when the person is erased. */
  readonly user_key: string;
  /** Where the row comes from. */
  readonly origin: SessionOrigin;
  readonly device: Device;
  /** Emptied when the person is erased. */
  readonly closed_answers: ClosedAnswers;
  /** Of its last event. */
  readonly last_ms: number;
  /** 1 = tombstone: this key counts no longer. */
  readonly is_deleted: 0 | 1;
}

export const sessionOrigins = ['workflow', 'import'] as const;
export type SessionOrigin = (typeof sessionOrigins)[number];

/**
 * One event of a session, also of imported ones. Sorted and partitioned by the start of its session, so that one
 * session lies in one partition. `event_id` is a hash of (session, seq), for imports of (session, event, ts), as
 * decimal UInt64 text: a JavaScript number cannot hold it. The same event stored twice is one event under FINAL.
 */
export interface EventRow {
  readonly tenant: string;
  readonly session_id: string;
  readonly session_started_at: number;
  readonly seq: number;
  readonly ts: number;
  readonly event: string;
  /** What a funnel's step names (`nameOf`). */
  readonly name: string;
  readonly question_id: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly origin: SessionOrigin;
  readonly event_id: string;
}

/** Nobody tells that an imported session was left: so long after its last event it was. Seven days, milliseconds. */
export const importLeftAfterMs = 604_800_000;

/** Their names in ClickHouse, for inserts. */
export const tables = { sessions: 'sessions', events: 'events' } as const;

/** Nothing follows these; `escalated` is open, a person can give the session back. */
export const endedStates: readonly SessionStateName[] = sessionStates.filter((state) => isEnded(state));
