/** States of earlier forms, as running workflows carried them over and the archive still has them, in today's form. */
import { riskCounters, standingScore } from './abandonment-risk.ts';
import { sameValue, type Json } from './json.ts';
import type { AnswerOutcome } from './message.ts';
import { MessageLog } from './message-log.ts';
import type { AnswerEntry, SeenOutcome, SessionState } from './session-state.ts';

/** Members of today's form that earlier ones may lack; `repeats`: refusals by question, before each asking was counted. */
type Later = 'asked' | 'shown' | 'risk_level' | 'listed' | 'reminders' | 'copy';
type Stored = Omit<SessionState, Later> & Partial<Pick<SessionState, Later>> & {
  readonly repeats?: Readonly<Record<string, number>>;
};

/** Repeats were known by whole ids with whole outcomes, and former values stood beside the log. */
type FirstState = Omit<Stored, 'format' | 'former' | 'seen' | 'parked' | 'rules_propose' | 'offered' | 'uploads'> & {
  readonly format: 1;
  readonly former: Readonly<Record<string, Json>>;
  readonly seen: readonly (readonly [id: string, message: FirstSeen])[];
  /** Those from before there was a dead letter queue have neither. */
  readonly parked?: SessionState['parked'];
  readonly rules_propose?: number | null;
};
interface FirstSeen { readonly fingerprint: string; readonly outcome: AnswerOutcome | { readonly kind: 'done'; readonly note?: Json } }

export type StoredState = Stored | FirstState;

/** `stored` is the caller's own copy; it may be changed. `current`: the question that such a session asks now. */
export function upgraded(stored: StoredState, current: (state: SessionState) => string | null): SessionState {
  const { repeats, ...state } = stored.format === 1 ? fromFirst(stored) : stored;
  // from before a cancellation could be asked for in Temporal itself, before values were offered, before there were
  // uploads, before risk was looked at, and before copies had names
  const asked = state.asked ?? askedOf(state, repeats);
  const whole = {
    ...state, shown: state.shown ?? null,
    cancel_asked_at: state.cancel_asked_at ?? null, offered: state.offered ?? null, uploads: state.uploads ?? [], asked,
    risk_level: state.risk_level ?? 'low', reminders: state.reminders ?? { enabled: true, silent_since: 0, number: 0 },
    copy: state.copy ?? '',
    listed: state.listed ?? { score: standingScore(riskCounters({ ...state, asked })), last_activity_at: state.last_activity_at },
  };
  // what was shown before it was recorded is not shown again
  return state.shown === undefined ? { ...whole, shown: current(whole) } : whole;
}

/** Each answered question was asked once, and again after each refusal. */
function askedOf({ answers }: Pick<SessionState, 'answers'>, repeats: Readonly<Record<string, number>> = {}): Record<string, number> {
  return Object.fromEntries([...new Set([...answers.map((entry) => entry.question_id), ...Object.keys(repeats)])].map(
    (id) => [id, 1 + (repeats[id] ?? 0)],
  ));
}

function fromFirst({ seen, former, ...kept }: FirstState): Stored {
  const state: Stored = {
    ...kept, format: 2, parked: kept.parked ?? null, rules_propose: kept.rules_propose ?? null, former: {}, seen: [], offered: null,
    uploads: [],
  };
  for (const [id, value] of Object.entries(former)) {
    const entry = newest(state.answers, id, value);
    if (entry !== undefined) state.former[id] = entry.sequence;
  }
  const log = new MessageLog(state);
  for (const [id, { fingerprint, outcome }] of seen) {
    const message = { id, fingerprint };
    const said = outcome.kind === 'accepted' ? outcome.accepted[0] : undefined;
    const entry = said === undefined ? undefined : newest(state.answers, said.question_id, said.value);
    if (entry === undefined) log.note(message, outcomeOf(outcome));
    else state.answers[entry.sequence - 1] = { ...entry, messages: [...entry.messages ?? [], log.keyOf(message)] };
  }
  return state;
}

function newest(answers: readonly AnswerEntry[], questionId: string, value: Json): AnswerEntry | undefined {
  return answers.findLast((entry) => entry.question_id === questionId && sameValue(entry.value, value));
}

function outcomeOf(outcome: FirstSeen['outcome']): SeenOutcome {
  if (outcome.kind !== 'done') return outcome;
  return typeof outcome.note === 'number' ? { kind: 'checkpoint', version: outcome.note } : null;
}
