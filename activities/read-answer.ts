/**
 * Free text → a typed value for the question at hand, or null. The script reads first, free of charge; what it cannot read goes
 * to the model once, if there is one. A repeated attempt does not ask again: the first one may have been paid for.
 */
import { activityInfo } from '@temporalio/activity';
import { z } from 'zod';
import { findQuestion, labelsByLanguage, questionTexts, type Flow } from '../domain/flow.ts';
import { readScripted as readText } from '../domain/reading/scripted.ts';
import type { Reading } from '../domain/session-state.ts';
import { flowVersion, owner, payerOf, sessionTask } from './inputs.ts';
import type { LanguageModel } from './model/chat-model.ts';
import { readByModel } from './model/read-by-model.ts';
import { visibleText } from './model/visible-text.ts';
import { defineTask, type TaskServices } from './task.ts';

const ReadAnswer = sessionTask.extend({
  flow: flowVersion, question_id: z.string(), text: z.string(), language: z.string(), owner,
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

/** The reading itself. Attempts count from 1. */
export async function read(
  flow: Flow, input: Omit<z.output<typeof ReadAnswer>, 'correlation_id' | 'tenant' | 'session_id' | 'flow' | 'owner'>,
  { model, log }: { readonly model: LanguageModel | null; readonly log: TaskServices['log'] },
  { attempt, signal }: { readonly attempt: number; readonly signal: AbortSignal },
): Promise<Reading | null> {
  const { question_id, language, timezone, today } = input;
  const question = findQuestion(flow.rules, question_id);
  if (question === null) return null;
  const labels = labelsByLanguage(flow, question_id);
  // a text is the answer as it was written; anything else is read from what can be seen of it
  const text = question.type === 'text' ? input.text : visibleText(input.text);
  const scripted = readText(question, labels, text, language, { today });
  if (scripted !== null) return { question_id, value: scripted.value };
  if (model === null || attempt > 1) return null;
  const value = await readByModel(
    model, { question, texts: questionTexts(flow, language, question_id), labels, language, text, timezone, today }, signal, log,
  );
  return value === undefined ? null : { question_id, value };
}
