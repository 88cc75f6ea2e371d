/**
 * Sessions as plain things in memory, and their rows. The plain ways to a report (plain-*.ts) look at these and at nothing of analytics/:
 * slow, obvious, over arrays.
 */
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { devices, type Device } from '../../domain/device.ts';
import { segments, type SessionRow, type StageNumber } from '../../analytics/rows.ts';

export const dayMs = 86_400_000;

export interface PlainSession {
  readonly startedAt: number;
  /** Milliseconds from the start to engaged, recommendations_generated, approval_decision, completed: as far as it came, ascending. */
  readonly reached: readonly number[];
  /** How it was left, milliseconds from the start; null: not left, or completed. */
  readonly left: { readonly how: 'cancelled' | 'error' | 'abandoned'; readonly afterMs: number } | null;
  readonly flow: string;
  readonly flowVersion: number;
  readonly language: string;
  readonly segment: 'first_time' | 'returning';
  readonly device: Device;
}

/** Started at 1970, and nothing since. */
export const nobody: PlainSession = {
  startedAt: 0, reached: [], left: null, flow: 'clinic', flowVersion: 1, language: 'en', segment: 'first_time',
  device: 'unknown',
};

export const isCompleted = ({ reached }: PlainSession): boolean => reached.length === 4;

/** What can be seen of it at a time: later events have not happened yet. null: not started. */
export function seenAt(session: PlainSession, now: number): PlainSession | null {
  const age = now - session.startedAt;
  if (age < 0) return null;
  const { left } = session;
  return { ...session, reached: session.reached.filter((ms) => ms <= age), left: left !== null && left.afterMs <= age ? left : null };
}

export function rowOf(tenant: string, session: PlainSession): SessionRow {
  const { reached, left } = session;
  const at = (index: number): number => reached[index] ?? 0;
  const ended = left === null || left.how === 'abandoned' ? null : { state: left.how, atMs: left.afterMs };
  return {
    tenant, session_id: randomUUID(), version: 1, started_at: session.startedAt, flow: session.flow, flow_version: session.flowVersion,
    language: session.language, segment: session.segment, client: tenant,
    state: isCompleted(session) ? 'completed' : ended?.state ?? 'in_progress',
    stage: (reached.length + 1) as StageNumber, engaged_ms: at(0), recommendations_generated_ms: at(1), approval_decision_ms: at(2),
    completed_ms: at(3), abandoned_ms: left?.how === 'abandoned' ? left.afterMs : 0,
    ended_ms: isCompleted(session) ? at(3) : ended?.atMs ?? 0, last_question: '', answers: 0, repeats: 0, errors: 0,
    user_key: 'k', origin: 'workflow', device: session.device, closed_answers: {}, trail: '', trail_ms: [], questions: [], question_ms: [],
    question_repeats: [], last_ms: Math.max(0, ...reached, left?.afterMs ?? 0), is_deleted: 0,
  };
}

/** A session that starts in [fromMs, toMs), of a few flows and languages. Times of all sizes, also equal ones, also 0. */
export function anySession(fromMs: number, toMs: number): fc.Arbitrary<PlainSession> {
  const time = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 3_600_000 }), fc.integer({ min: 0, max: 20 * dayMs }));
  return fc.record({
    startedAt: fc.oneof(fc.integer({ min: fromMs, max: toMs - 1 }), fc.constantFrom(fromMs, toMs - 1)),
    steps: fc.array(time, { maxLength: 4 }),
    leaves: fc.option(fc.record({ how: fc.constantFrom('cancelled', 'error', 'abandoned'), time })),
    flow: fc.constantFrom('clinic', 'desk', 'depot'), flowVersion: fc.integer({ min: 1, max: 2 }), language: fc.constantFrom('en', 'de'),
    segment: fc.constantFrom(...segments), device: fc.constantFrom(...devices),
  }).map(({ steps, leaves, ...rest }) => {
    const reached = steps.map((_, index) => steps.slice(0, index + 1).reduce((sum, step) => sum + step, 0));
    const left = leaves === null || reached.length === 4 ? null
      : { how: leaves.how, afterMs: (reached.at(-1) ?? 0) + leaves.time + (leaves.how === 'abandoned' ? 7 * dayMs : 0) };
    return { ...rest, reached, left };
  });
}

/** Linear between the two nearest, as spreadsheets do; null of nothing. */
export function quantile(values: readonly number[], level: number): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * level;
  const [low = 0, high = 0] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}

export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
