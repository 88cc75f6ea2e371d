/**
 * Why people leave, told plainly: sessions as things in memory, their rows and events, and each number as one reads it in
 * docs/analytics.md. Looks at nothing of analytics/why/.
 */
import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { segments, type EventRow, type SessionRow, type StageNumber } from '../../analytics/rows.ts';
import { devices } from '../../domain/device.ts';
import { dayMs, quantile } from './plain-sessions.ts';

export interface PlainQuestion {
  readonly id: string;
  /** From the first showing to the answer; null: not answered. */
  readonly ms: number | null;
  readonly repeats: number;
  /** A code for each refusal. */
  readonly refused: readonly string[];
}

export interface PlainVisit {
  readonly id: string;
  readonly startedAt: number;
  /** Milliseconds from the start to the stages after the first, as far as it came, ascending. */
  readonly reached: readonly number[];
  readonly left: 'cancelled' | 'error' | 'abandoned' | null;
  readonly imported: boolean;
  /** Of an import: its events are kept under a start that was known before, so much later. */
  readonly movedMs: number;
  readonly flow: string;
  readonly flowVersion: number;
  readonly language: string;
  readonly device: (typeof devices)[number];
  readonly segment: (typeof segments)[number];
  readonly questions: readonly PlainQuestion[];
  /** Question → chosen values. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
  readonly parked: readonly { readonly step: string; readonly category: string }[];
  readonly lastMs: number;
}

const time = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 3_600_000 }), fc.integer({ min: 0, max: 9 * dayMs }));

export function anyVisit(fromMs: number, toMs: number): fc.Arbitrary<PlainVisit> {
  const question = (id: string): fc.Arbitrary<PlainQuestion> => fc.record({
    id: fc.constant(id), ms: fc.option(time), repeats: fc.integer({ min: 0, max: 2 }),
    refused: fc.array(fc.constantFrom('too_long', 'not_a_number'), { maxLength: 2 }),
  });
  return fc.record({
    startedAt: fc.oneof(fc.integer({ min: fromMs, max: toMs - 1 }), fc.constantFrom(fromMs, toMs - 1)),
    steps: fc.array(time, { maxLength: 4 }), left: fc.constantFrom(null, 'cancelled' as const, 'error' as const, 'abandoned' as const),
    imported: fc.boolean(), movedMs: fc.constantFrom(0, 40 * dayMs), flow: fc.constantFrom('clinic', 'desk'),
    flowVersion: fc.integer({ min: 1, max: 2 }),
    language: fc.constantFrom('en', 'de', 'hi', ''), device: fc.constantFrom(...devices), segment: fc.constantFrom(...segments),
    questions: fc.subarray(['name', 'hours', 'size']).chain((ids) => fc.tuple(...ids.map(question))),
    size: fc.option(fc.constantFrom('small', 'large')), days: fc.subarray(['mon', 'tue', 'wed']),
    parked: fc.array(fc.record({ step: fc.constantFrom('propose', 'apply'), category: fc.constantFrom('network', 'database') }), {
      maxLength: 2,
    }),
    lastMs: time,
  }).map(({ steps, left, size, days, ...rest }) => ({
    ...rest, id: randomUUID(), reached: steps.map((_, index) => steps.slice(0, index + 1).reduce((sum, step) => sum + step, 0)),
    left: steps.length === 4 ? null : left,
    answers: { ...(size === null ? {} : { size: [size] }), ...(days.length === 0 ? {} : { days }) },
  }));
}

const lastShown = ({ questions }: PlainVisit): string => (questions.at(-1)?.ms === null ? questions.at(-1)?.id ?? '' : '');

export function visitRow(tenant: string, visit: PlainVisit): SessionRow {
  const { reached, left, questions } = visit;
  const at = (index: number): number => reached[index] ?? 0;
  return {
    tenant, session_id: visit.id, version: 1, started_at: visit.startedAt, flow: visit.flow, flow_version: visit.flowVersion,
    language: visit.language, segment: visit.segment, client: tenant,
    state: reached.length === 4 ? 'completed' : left === 'cancelled' || left === 'error' ? left : 'in_progress',
    stage: (reached.length + 1) as StageNumber, engaged_ms: at(0), recommendations_generated_ms: at(1), approval_decision_ms: at(2),
    completed_ms: at(3), abandoned_ms: left === 'abandoned' ? visit.lastMs + 7 * dayMs : 0, ended_ms: 0,
    last_question: lastShown(visit), answers: 0, repeats: 0, errors: 0, user_key: 'k', origin: visit.imported ? 'import' : 'workflow',
    device: visit.device, closed_answers: Object.fromEntries(Object.entries(visit.answers).map(([id, values]) => [id, values.join('+')])),
    trail: '', trail_ms: [], questions: questions.map(({ id }) => id), question_ms: questions.map(({ ms }) => ms ?? -1),
    question_repeats: questions.map(({ repeats }) => repeats), last_ms: visit.lastMs, is_deleted: 0,
  };
}

export function visitEvents(tenant: string, visit: PlainVisit): readonly EventRow[] {
  const all = [
    ...visit.questions.flatMap(({ id, refused }) => (
      refused.map((code) => ({ event: 'answer_refused', question_id: id, properties: { code } }))
    )),
    ...visit.parked.map(({ step, category }) => ({ event: 'task_parked', question_id: '', properties: { step, category, task_id: 't' } })),
    { event: 'client:answer_refused', question_id: 'name', properties: { code: 'too_long', origin: 'client' } },
  ];
  return all.map((each, seq) => ({
    tenant, session_id: visit.id, session_started_at: visit.startedAt + (visit.imported ? visit.movedMs : 0), seq,
    ts: visit.startedAt + seq, name: each.event, ...each,
    origin: visit.imported ? 'import' : 'workflow',
    event_id: createHash('sha256').update(`${visit.id}:${seq}`).digest().readBigUInt64BE(0).toString(),
  } satisfies EventRow));
}

/** Ended, idle for 7 days, or imported and nothing known for 7 days; a completed one has not left. */
export function hasLeft(visit: PlainVisit, now: number): boolean {
  if (visit.reached.length === 4) return false;
  return visit.left !== null || (visit.imported && visit.startedAt + visit.lastMs + 7 * dayMs <= now);
}

export interface PlainArm { readonly n: number; readonly successes: number }
export interface PlainFactor { readonly name: string; readonly with: PlainArm; readonly without: PlainArm }

/** What a session may have: the name → whether it has it, or null where it could not have had it. */
type Trait = readonly [name: string, has: (visit: PlainVisit) => boolean | null];

export function plainFactors(visits: readonly PlainVisit[], withinMs: number): readonly PlainFactor[] {
  const traits: Trait[] = [
    ...devices.map((device): Trait => [`device:${device}`, (visit) => visit.device === device]),
    ...['en', 'de', 'hi'].map((language): Trait => [
      `language:${language}`, (visit) => (visit.language === '' ? null : visit.language === language),
    ]),
    ...segments.map((segment): Trait => [`user_segment:${segment}`, (visit) => visit.segment === segment]),
    ...Object.entries({ size: ['small', 'large'], days: ['mon', 'tue', 'wed'] }).flatMap(([id, values]) => values.map((value): Trait => [
      `answer:${id}:${value}`, ({ answers }) => answers[id]?.includes(value) ?? null,
    ])),
    ...['name', 'hours', 'size'].flatMap((id): Trait[] => {
      const of = (visit: PlainVisit) => visit.questions.find((question) => question.id === id);
      return [
        [`repeat:${id}`, (visit) => { const shown = of(visit); return shown === undefined ? null : shown.repeats > 0; }],
        [`refusal:${id}`, (visit) => { const shown = of(visit); return shown === undefined ? null : shown.refused.length > 0; }],
      ];
    }),
    ['error', (visit) => {
      const past = visit.reached.length >= 2 || (visit.reached.length === 1 && visit.questions.length > 0 && lastShown(visit) === '');
      return past ? visit.parked.length > 0 : null;
    }],
  ];
  return traits.map(([name, has]) => {
    const arm = (side: boolean): PlainArm => {
      const those = visits.filter((visit) => has(visit) === side);
      return { n: those.length, successes: those.filter(({ reached }) => (reached[3] ?? Infinity) <= withinMs).length };
    };
    return { name, with: arm(true), without: arm(false) };
  });
}

/** H: nine of ten of those who completed had by then; an hour at least, a week at most, whole seconds. */
export function plainFollowUp(previous: readonly PlainVisit[], current: readonly PlainVisit[]): number {
  const times = [previous, current].map((visits) => visits.flatMap(({ reached }) => reached[3] ?? []));
  const p90 = quantile(times.find((some) => some.length > 0) ?? [], 0.9);
  return Math.min(7 * dayMs, Math.max(3_600_000, Math.ceil((p90 ?? 0) / 1_000) * 1_000));
}

export function plainQuestions(visits: readonly PlainVisit[], now: number): readonly Record<string, unknown>[] {
  return ['hours', 'name', 'size'].flatMap((id) => {
    const shown = visits.filter(({ questions }) => questions.some((question) => question.id === id));
    if (shown.length === 0) return [];
    const of = shown.flatMap(({ questions }) => questions.filter((question) => question.id === id));
    const times = of.flatMap(({ ms }) => ms ?? []);
    const median = quantile(times, 0.5);
    return [{
      question_id: id, shown: shown.length, answered: times.length, repeated: of.filter(({ repeats }) => repeats > 0).length,
      dropped: shown.filter((visit) => hasLeft(visit, now) && lastShown(visit) === id).length,
      median_seconds: median === null ? null : Math.round(median) / 1_000,
    }];
  });
}
