/** Answers as they stand, and what is asked next by the flow's own rules: the same here as in the service, also while it is away. */
import { applicable } from '../../domain/flow.ts';
import type { Json } from '../../domain/json.ts';
import type { AskedQuestion } from '../client/contract.ts';

export interface Given { readonly question_id: string; readonly value: Json }

export type Standing = Readonly<Record<string, Json>>;

/** Of answers that count together, in whichever order they were given. */
export function together(given: readonly Given[]): Standing {
  return Object.fromEntries(given.map(({ question_id: id, value }) => [id, value]));
}

/** After more answers, one by one: each takes the place of the one before, and those whose question it closes fall away. */
export function after(questions: readonly AskedQuestion[], answers: Standing, more: readonly Given[]): Standing {
  return more.reduce<Standing>((before, { question_id: id, value }) => {
    const all = { ...before, [id]: value };
    return Object.fromEntries(applicable({ questions }, all).flatMap(({ id: each }) => (
      Object.hasOwn(all, each) ? [[each, all[each] ?? null]] : []
    )));
  }, answers);
}

/** Asked and not answered, in the flow's order. */
export function open(questions: readonly AskedQuestion[], answers: Standing): readonly AskedQuestion[] {
  return applicable({ questions }, answers).filter(({ id }) => !Object.hasOwn(answers, id));
}

export interface Consequences {
  /** Asked by the change, and not without it. */
  readonly asked: readonly AskedQuestion[];
  /** Their answers count no more. */
  readonly aside: readonly AskedQuestion[];
}

/** What another answer to a question leads to. */
export function consequences(questions: readonly AskedQuestion[], answers: Standing, change: Given): Consequences {
  const changed = after(questions, answers, [change]);
  const before = new Set(open(questions, answers).map(({ id }) => id));
  return {
    asked: open(questions, changed).filter(({ id }) => !before.has(id)),
    aside: questions.filter(({ id }) => Object.hasOwn(answers, id) && !Object.hasOwn(changed, id)),
  };
}
