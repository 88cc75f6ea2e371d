/**
 * Free text → what it says of the question at hand, or of the one that was answered last. The script reads first, free of charge; what
 * it does not understand goes to the model once, if there is one, and what that makes of it is offered to the person and not taken. A
 * repeated attempt does not ask again: the first one may have been paid for.
 */
import { activityInfo } from '@temporalio/activity';
import { z } from 'zod';
import { counts, firstOf, textMax } from '../domain/bounds.ts';
import { questionTexts, type Flow } from '../domain/flow.ts';
import type { Json } from '../domain/json.ts';
import type { Remarks } from '../domain/message.ts';
import { askedQuestion, type Asked } from '../domain/reading/asked.ts';
import { contradicts } from '../domain/reading/contradiction.ts';
import { pickedOf } from '../domain/reading/offered.ts';
import type { PersonsClock, Reading as Said } from '../domain/reading/read-text.ts';
import { amendment, whichQuestion } from '../domain/reading/which-question.ts';
import type { Reading } from '../domain/session-state.ts';
import { flowVersion, owner, payerOf, sessionTask } from './inputs.ts';
import type { LanguageModel } from './model/chat-model.ts';
import { readByModel } from './model/read-by-model.ts';
import { visibleText } from './model/visible-text.ts';
import { defineTask, type TaskServices } from './task.ts';

const ReadAnswer = sessionTask.extend({
  flow: flowVersion, text: z.string(), language: z.string(), owner,
  /** What is asked; null: nothing is. */
  question_id: z.string().nullable(),
  /** What was answered last. */
  previous_question_id: z.string().nullable().default(null),
  /** What the person was asked to choose from just before. */
  offered: z.object({ question_id: z.string(), candidates: z.array(z.custom<Json>()).readonly() }).nullable().default(null),
  /** IANA name of the person's zone, and their day in it. */
  timezone: z.string().nullable().default(null), today: z.iso.date().nullable().default(null),
});

export const readAnswer = defineTask({
  name: 'readAnswer', timeoutMs: 10_000, retry: 'proxy',
  input: ReadAnswer,
  run: async (input, services): Promise<Reading | null> => {
    const definition = await services.flows.version(input.tenant, input.flow.id, input.flow.version);
    const today = input.today ?? dayIn(input.timezone, Date.now());
    const model = services.model?.paidBy(payerOf(input)) ?? null;
    return read(definition, { ...input, today }, { model, log: services.log }, {
      attempt: activityInfo().attempt, signal: services.signal,
    });
  },
});

/** The person's own day; without their zone nobody knows what "tomorrow" is. */
function dayIn(timezone: string | null, now: number): string | null {
  return timezone === null ? null
    : new Intl.DateTimeFormat('en-CA', { timeZone: timezone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(now);
}

/** The reading itself; null: the text says nothing that is asked. Attempts count from 1. */
export async function read(
  flow: Flow, input: Omit<z.input<typeof ReadAnswer>, 'correlation_id' | 'tenant' | 'session_id' | 'flow' | 'owner'>,
  { model, log }: { readonly model: LanguageModel | null; readonly log: TaskServices['log'] },
  { attempt, signal }: { readonly attempt: number; readonly signal: AbortSignal },
): Promise<Reading | null> {
  const { language, timezone = null, today = null } = input;
  const ask = (id: string | null | undefined): Asked | null => (id == null ? null : askedQuestion(flow, id, language));
  const current = ask(input.question_id);
  // a text is the answer as it was written; anything else is read from what can be seen of it
  const text = current?.rule.type === 'text' ? input.text : visibleText(input.text);
  const spokenOf = { current, previous: ask(input.previous_question_id), offered: input.offered ?? null };
  const { asked, said } = scripted(spokenOf, ask, text, { today });
  if (asked === null || said === null) return null;
  if (said.kind !== 'not_understood') return outcomeOf(asked, said);
  // what is personal goes to nobody, and under a mask a person could not tell whether it is right
  if (model === null || attempt > 1 || asked.rule.pii) return null;
  const { rule, labels } = asked;
  const value = await readByModel(
    model, { question: rule, texts: questionTexts(flow, language, rule.id), labels, language, text, timezone, today }, signal, log,
  );
  // guessed, so it is offered: taken is what the person says yes to
  return value === undefined || contradicts(text, value, asked, { today }) ? null
    : { question_id: rule.id, kind: 'ambiguous', candidates: [value] };
}

interface Turn { readonly asked: Asked | null; readonly said: Said | null }
type Offered = z.output<typeof ReadAnswer>['offered'];

/** What was offered comes first, since the text is the answer to that; then what is asked, or the question before it. */
function scripted(
  { current, previous, offered }: { readonly current: Asked | null; readonly previous: Asked | null; readonly offered: Offered },
  ask: (id: string) => Asked | null, text: string, clock: PersonsClock,
): Turn {
  const offering = offered === null ? null : ask(offered.question_id);
  const picked = offered === null || offering === null ? null : pickedOf(offered.candidates, offering, text, clock);
  if (picked !== null) return { asked: offering, said: { kind: 'value', value: picked, leftOut: [], corrected: [], replaced: [] } };
  // behind the last question there is only something to correct
  if (current === null) return { asked: previous, said: previous === null ? null : amendment(previous, previous, text, clock) };
  // "no, 30" to "do you mean 10 or 20?" is about that
  const before = offered?.question_id === current.rule.id ? null : previous;
  const { of, reading } = whichQuestion(before, current, text, clock);
  return { asked: of === 'previous' ? before : current, said: reading };
}

function outcomeOf(asked: Asked, said: Said): Reading | null {
  const { id: question_id, pii } = asked.rule;
  switch (said.kind) {
    case 'value': {
      const remarks = pii ? undefined : remarksOf(said);
      return { question_id, kind: 'value', value: said.value, ...(remarks === undefined ? {} : { remarks }) };
    }
    case 'skip': return { question_id, kind: 'value', value: null };
    // under a mask nobody could tell one from the other
    case 'ambiguous': return pii ? null : { question_id, kind: 'ambiguous', candidates: said.candidates };
    case 'help': case 'cannot_skip': return { question_id, kind: said.kind };
    case 'not_understood': return null;
  }
}

/** As much of it as is said back; undefined when there is nothing. */
function remarksOf({ leftOut, corrected }: Extract<Said, { kind: 'value' }>): Remarks | undefined {
  if (leftOut.length + corrected.length === 0) return undefined;
  const shortened = (words: string): string => {
    const first = firstOf(words, textMax.remark);
    return first.length < words.length ? `${first}…` : words;
  };
  return {
    left_out: leftOut.slice(0, counts.remarks).map(shortened),
    corrected: corrected.slice(0, counts.remarks).map(({ from, to }) => ({ from: shortened(from), to: shortened(to) })),
  };
}
