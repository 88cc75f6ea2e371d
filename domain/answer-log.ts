/** The append-only log of answers: what was said, what of it counts now, and what counted at a checkpoint. */
import { applicable, type FlowRules, type QuestionRule } from './flow.ts';
import type { Json } from './json.ts';
import { sessionBytes, type SessionState } from './session-state.ts';

/** Current values by question, in the order in which they were given. */
export function currentAnswers(state: SessionState): Record<string, Json> {
  const current: Record<string, Json> = {};
  for (const entry of state.answers) if (!entry.superseded) current[entry.question_id] = entry.value;
  return current;
}

/** Questions that apply and have no current answer, in the flow's order. */
export function openQuestions(rules: FlowRules, state: SessionState): QuestionRule[] {
  const answers = currentAnswers(state);
  return applicable(rules, answers).filter((question) => !Object.hasOwn(answers, question.id));
}

export function fits(state: SessionState, value: Json): boolean {
  const bytes = state.answers.reduce((sum, entry) => sum + JSON.stringify(entry.value).length, JSON.stringify(value).length);
  return bytes <= sessionBytes;
}

/** Adds an answer. It supersedes the one before, and can close branches: their answers are superseded, and offered again later. */
export function appendAnswer(rules: FlowRules, state: SessionState, questionId: string, value: Json, now: number): void {
  supersede(state, (id) => id === questionId, false);
  delete state.former[questionId];
  state.answers.push({ sequence: state.answers.length + 1, question_id: questionId, value, answered_at: now, superseded: false });
  const asked = new Set(applicable(rules, currentAnswers(state)).map((question) => question.id));
  supersede(state, (id) => !asked.has(id), true);
}

function supersede(state: SessionState, which: (questionId: string) => boolean, keepFormer: boolean): void {
  state.answers = state.answers.map((entry) => {
    if (entry.superseded || !which(entry.question_id)) return entry;
    if (keepFormer) state.former[entry.question_id] = entry.value;
    return { ...entry, superseded: true };
  });
}

/** Sequences of the answers that count now: what a checkpoint keeps of the log. */
export function currentSequences(state: SessionState): number[] {
  return state.answers.filter((entry) => !entry.superseded).map((entry) => entry.sequence);
}

/** Makes exactly these answers count again. Returns whether that changed anything; nothing is deleted. */
export function restoreSequences(state: SessionState, sequences: readonly number[]): boolean {
  const counts = new Set(sequences);
  const changed = state.answers.some((entry) => entry.superseded === counts.has(entry.sequence));
  for (const entry of state.answers) if (!entry.superseded && !counts.has(entry.sequence)) state.former[entry.question_id] = entry.value;
  state.answers = state.answers.map((entry) => ({ ...entry, superseded: !counts.has(entry.sequence) }));
  for (const id of Object.keys(currentAnswers(state))) delete state.former[id];
  return changed;
}
