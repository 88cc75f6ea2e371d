/** The life of a session: its states, the only table of legal moves, the stages that analytics counts, and progress. */

export const sessionStates = [
  'started', 'in_progress', 'generating', 'awaiting_approval', 'completed', 'cancelled', 'error', 'escalated',
] as const;
export type SessionStateName = (typeof sessionStates)[number];

const moves: Readonly<Record<SessionStateName, readonly SessionStateName[]>> = {
  started: ['in_progress', 'cancelled', 'error', 'escalated'],
  in_progress: ['generating', 'cancelled', 'error', 'escalated'],
  generating: ['awaiting_approval', 'in_progress', 'cancelled', 'error', 'escalated'],
  awaiting_approval: ['completed', 'in_progress', 'generating', 'cancelled', 'error', 'escalated'],
  escalated: ['started', 'in_progress', 'generating', 'awaiting_approval', 'cancelled', 'error'],
  completed: [],
  cancelled: [],
  error: [],
};

export function mayMove(from: SessionStateName, to: SessionStateName): boolean {
  return moves[from].includes(to);
}

/** An ended session never changes again. */
export function isEnded(state: SessionStateName): boolean {
  return moves[state].length === 0;
}

/** In these states the person may answer or correct an answer (until a decision was taken). */
export function takesAnswers(state: SessionStateName): boolean {
  return state === 'started' || state === 'in_progress' || state === 'generating' || state === 'awaiting_approval';
}

/** Reached once, in this order, and never un-reached. */
export const stages = ['started', 'engaged', 'recommendations_generated', 'approval_decision', 'completed'] as const;
export type StageName = (typeof stages)[number];

const progressOf: Partial<Record<SessionStateName, number>> = {
  started: 10, generating: 60, awaiting_approval: 80, completed: 100,
};

/**
 * Percent shown to the person: 10, 10-50 by answered share, 60, 80, 100.
 * A session that ended early, or waits for a person, shows how far it had come by its answers.
 */
export function progressPercent(state: SessionStateName, answered: number, remaining: number): number {
  const fixed = progressOf[state];
  if (fixed !== undefined) return fixed;
  const asked = answered + remaining;
  return asked === 0 ? 10 : Math.round(10 + 40 * (answered / asked));
}
