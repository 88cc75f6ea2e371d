/** States of earlier forms, as running workflows carried them over and the archive still has them, in today's form. */
import { sameValue, type Json } from './json.ts';
import type { AnswerOutcome } from './message.ts';
import { MessageLog } from './message-log.ts';
import type { AnswerEntry, SeenOutcome, SessionState } from './session-state.ts';

/** Repeats were known by whole ids with whole outcomes, and former values stood beside the log. */
type FirstState = Omit<SessionState, 'format' | 'former' | 'seen' | 'parked' | 'rules_propose' | 'offered' | 'uploads'> & {
  readonly format: 1;
  readonly former: Readonly<Record<string, Json>>;
  readonly seen: readonly (readonly [id: string, message: FirstSeen])[];
  /** Those from before there was a dead letter queue have neither. */
  readonly parked?: SessionState['parked'];
  readonly rules_propose?: number | null;
};
interface FirstSeen { readonly fingerprint: string; readonly outcome: AnswerOutcome | { readonly kind: 'done'; readonly note?: Json } }

export type StoredState = SessionState | FirstState;

/** `stored` is the caller's own copy; it may be changed. */
export function upgraded(stored: StoredState): SessionState {
  const state = stored.format === 1 ? fromFirst(stored) : stored;
  // from before a cancellation could be asked for in Temporal itself, before values were offered, and before there were uploads
  return { ...state, cancel_asked_at: state.cancel_asked_at ?? null, offered: state.offered ?? null, uploads: state.uploads ?? [] };
}

function fromFirst({ seen, former, ...kept }: FirstState): SessionState {
  const state: SessionState = {
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
