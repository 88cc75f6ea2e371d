/** Answers as they stand, and what is asked next by the flow's own rules: the same here as in the service, also while it is away. */
import { applicable } from '../../domain/flow.ts';
import type { Json } from '../../domain/json.ts';
import type { AskedQuestion } from '../client/contract.ts';

export interface Given { readonly question_id: string; readonly value: Json }

/** By question; an answer takes the place of the one before, and those whose question it closes fall away. */
export function standing(questions: readonly AskedQuestion[], given: readonly Given[]): Readonly<Record<string, Json>> {
  return given.reduce<Record<string, Json>>((answers, { question_id: id, value }) => {
    const all = { ...answers, [id]: value };
    return Object.fromEntries(applicable({ questions }, all).flatMap(({ id: each }) => (
      Object.hasOwn(all, each) ? [[each, all[each] ?? null]] : []
    )));
  }, {});
}

/** Asked and not answered, in the flow's order. */
export function open(questions: readonly AskedQuestion[], answers: Readonly<Record<string, Json>>): readonly AskedQuestion[] {
  return applicable({ questions }, answers).filter(({ id }) => !Object.hasOwn(answers, id));
}

export interface Consequences {
  /** Asked by the change, and not without it. */
  readonly asked: readonly AskedQuestion[];
  /** Their answers count no more. */
  readonly aside: readonly AskedQuestion[];
}

/** What another answer to a question leads to. */
export function consequences(questions: readonly AskedQuestion[], answers: Readonly<Record<string, Json>>, change: Given): Consequences {
  const all = Object.entries(answers).map(([question_id, value]) => ({ question_id, value }));
  const after = standing(questions, [...all, change]);
  const before = new Set(open(questions, answers).map(({ id }) => id));
  return {
    asked: open(questions, after).filter(({ id }) => !before.has(id)),
    aside: questions.filter(({ id }) => Object.hasOwn(answers, id) && !Object.hasOwn(after, id)),
  };
}
