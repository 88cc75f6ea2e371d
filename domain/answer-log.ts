/** The append-only log of answers: what was said, what of it counts now, and what counted at a checkpoint. */
import { stateParts } from './bounds.ts';
import { applicable, type FlowRules, type QuestionRule } from './flow.ts';
import { jsonBytes, type Json } from './json.ts';
import type { Remarks } from './message.ts';
import type { AnswerEntry, SessionState } from './session-state.ts';

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

/** What a question that has come back was answered before. */
export function formerValue(state: SessionState, questionId: string): Json | undefined {
  const sequence = Object.hasOwn(state.former, questionId) ? state.former[questionId] : undefined;
  return sequence === undefined ? undefined : state.answers[sequence - 1]?.value;
}

/** The bytes of the log, kept while it grows. */
export class LogSize {
  private bytes = 0;

  constructor(answers: readonly AnswerEntry[]) {
    for (const entry of answers) this.bytes += sizeOf(entry);
  }

  /** Whether this entry can be added, or these bytes to one. */
  fits(more: AnswerEntry | number): boolean {
    return this.bytes + (typeof more === 'number' ? more : sizeOf(more)) <= stateParts.answers;
  }

  add(more: AnswerEntry | number): void {
    this.bytes += typeof more === 'number' ? more : sizeOf(more);
  }
}

/** As long as it can become: an entry that counts again says `false`. */
function sizeOf(entry: AnswerEntry): number {
  return jsonBytes({ ...entry, superseded: false }) + 1;
}

/** What said it: the key of the message, and what of its words is said back beside the value. */
export interface Saying { readonly key: string; readonly remarks: Remarks | undefined }

/** What an entry grows by when it is said again, with the commas. */
export function sizeOfSaying({ key, remarks }: Saying): number {
  return jsonBytes(key) + 1 + (remarks === undefined ? 0 : jsonBytes({ remarks: { [key]: remarks } }) + 1);
}

export function nextEntry(state: SessionState, questionId: string, value: Json, { key, remarks }: Saying, now: number): AnswerEntry {
  const sequence = state.answers.length + 1;
  return {
    sequence, question_id: questionId, value, answered_at: now, superseded: false, messages: [key],
    ...(remarks === undefined ? {} : { remarks: { [key]: remarks } }),
  };
}

/** Adds an answer. It supersedes the one before, and can close branches: their answers are superseded, and offered again later. */
export function appendAnswer(rules: FlowRules, state: SessionState, entry: AnswerEntry): void {
  supersede(state, (id) => id === entry.question_id, false);
  delete state.former[entry.question_id];
  state.answers.push(entry);
  closeBranches(rules, state);
}

function closeBranches(rules: FlowRules, state: SessionState): void {
  const asked = new Set(applicable(rules, currentAnswers(state)).map((question) => question.id));
  supersede(state, (id) => !asked.has(id), true);
}

/**
 * A file is gone: what it answered is open again, and is not offered. Branches that it held open close as by an answer. Returns the
 * questions whose answer it was.
 */
export function withdrawFile(rules: FlowRules, state: SessionState, uploadId: string): string[] {
  const files = new Set(rules.questions.filter(({ type }) => type === 'file').map(({ id }) => id));
  const named = state.answers
    .filter((entry) => !entry.superseded && entry.value === uploadId && files.has(entry.question_id)).map((entry) => entry.question_id);
  supersede(state, (id) => named.includes(id), false);
  for (const [id, sequence] of Object.entries(state.former)) {
    if (files.has(id) && state.answers[sequence - 1]?.value === uploadId) delete state.former[id];
  }
  if (named.length > 0) closeBranches(rules, state);
  return named;
}

/** The same was said again. Returns the entry that says it now; its messages grow by this key. */
export function noteAgain(state: SessionState, questionId: string, { key, remarks }: Saying): AnswerEntry | null {
  const at = state.answers.findLastIndex((entry) => entry.question_id === questionId && !entry.superseded);
  const entry = state.answers[at];
  if (entry === undefined) return null;
  const again: AnswerEntry = {
    ...entry, messages: [...entry.messages ?? [], key],
    ...(remarks === undefined ? {} : { remarks: { ...entry.remarks, [key]: remarks } }),
  };
  state.answers[at] = again;
  return again;
}

function supersede(state: SessionState, which: (questionId: string) => boolean, keepFormer: boolean): void {
  state.answers = state.answers.map((entry) => {
    if (entry.superseded || !which(entry.question_id)) return entry;
    if (keepFormer) state.former[entry.question_id] = entry.sequence;
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
  for (const entry of state.answers) if (!entry.superseded && !counts.has(entry.sequence)) state.former[entry.question_id] = entry.sequence;
  state.answers = state.answers.map((entry) => ({ ...entry, superseded: !counts.has(entry.sequence) }));
  for (const id of Object.keys(currentAnswers(state))) delete state.former[id];
  return changed;
}
