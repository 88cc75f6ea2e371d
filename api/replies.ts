/** What a friendly clerk says to an answer, in the session's language. */
import { findQuestion, questionTexts, type Flow } from '../domain/flow.ts';
import type { Json } from '../domain/json.ts';
import type { Accepted, AnswerOutcome, SessionView } from '../domain/message.ts';
import { askedQuestion } from '../domain/reading/asked.ts';
import { languageOf } from '../domain/reading/languages/index.ts';
import type { Reading } from '../domain/reading/read-text.ts';
import { display, reply } from '../domain/reading/said.ts';

/** An outcome that is no error. */
export type Understood = Extract<AnswerOutcome, { kind: 'accepted' | 'asked_back' | 'help' | 'cannot_skip' }>;

export interface Answered {
  readonly accepted: { question_id: string; value: Json }[];
  readonly understood: { question_id: string; value: Json; display: string }[];
  readonly reply: string;
}

/** Each value said back, then what comes next; or what is asked back, explained, or needed to go on. */
export function answered(flow: Flow, view: SessionView, outcome: Understood): Answered {
  if (outcome.kind !== 'accepted') {
    return { accepted: [], understood: [], reply: said(flow, view, outcome.question_id, readingOf(outcome)) };
  }
  const values = outcome.accepted.map(({ question_id, value }) => ({ question_id, value }));
  return {
    accepted: values,
    understood: values.map((each) => {
      const asked = askedQuestion(flow, each.question_id, view.language);
      return { ...each, display: asked === null ? '' : display(each.value, asked) };
    }),
    reply: [...outcome.accepted.map((each) => said(flow, view, each.question_id, valueOf(each))), next(flow, view)].join(' '),
  };
}

function readingOf(outcome: Exclude<Understood, { kind: 'accepted' }>): Reading {
  if (outcome.kind === 'asked_back') return { kind: 'ambiguous', candidates: outcome.candidates };
  return outcome.kind === 'help' ? { kind: 'help', about: null } : { kind: outcome.kind };
}

function valueOf({ value, remarks }: Accepted): Reading {
  if (value === null) return { kind: 'skip' };
  return { kind: 'value', value, leftOut: remarks?.left_out ?? [], corrected: remarks?.corrected ?? [], replaced: [] };
}

function said(flow: Flow, view: SessionView, questionId: string, reading: Reading): string {
  const asked = askedQuestion(flow, questionId, view.language);
  return asked === null ? '' : reply(reading, asked, questionTexts(flow, view.language, questionId));
}

function next(flow: Flow, view: SessionView): string {
  const { speech } = languageOf(view.language);
  if (view.question !== null) {
    const { prompt } = questionTexts(flow, view.language, view.question.id);
    return view.question.lost === undefined ? prompt : `${speech.files[view.question.lost]} ${prompt}`;
  }
  return view.state === 'awaiting_approval' ? speech.ready : speech.preparing;
}

/** The flow's own words for an answer it cannot take. */
export function retryText(flow: Flow, language: string, questionId: string): string {
  return findQuestion(flow.rules, questionId) === null ? '' : questionTexts(flow, language, questionId).retry_text;
}
