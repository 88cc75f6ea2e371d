import { evaluate } from './expression.ts';
import type { Answers, Expression } from './expression.ts';
import type { Json } from './json.ts';

export const questionTypes = [
  'text', 'number', 'boolean', 'single_choice', 'multi_choice', 'date', 'time_range', 'email', 'file',
] as const;
export type QuestionType = (typeof questionTypes)[number];

/** What decides whether an answer is right and a question applies; the part of a flow that travels in a workflow. */
export interface QuestionRule {
  readonly id: string;
  readonly type: QuestionType;
  readonly required: boolean;
  /** Personal data: never in logs, ClickHouse or search attributes. */
  readonly pii: boolean;
  /** The question applies when this is true; null: always. Names only questions listed above it. */
  readonly when: Expression | null;
  /** Values of a choice, in the order they are shown; [] for other types. */
  readonly options: readonly string[];
  /** text: code points; number: the value; multi_choice: how many; date: `YYYY-MM-DD`. */
  readonly min: number | string | null;
  readonly max: number | string | null;
  /** text only; the whole text must match, with the `u` flag. */
  readonly pattern: string | null;
  /** number only: true refuses fractions; absent: fractions are fine. */
  readonly integer?: boolean;
  /** number only, ascending: where the bands begin by which reports divide the answers; absent: they do not. */
  readonly bands?: readonly number[];
  readonly group?: string;
}

export interface FlowRules {
  readonly id: string;
  readonly version: number;
  readonly questions: readonly QuestionRule[];
  /** Whether people are reminded after silence, unless they say otherwise; absent: they are. */
  readonly reminders?: boolean;
}

export interface RecommendationRule {
  readonly id: string;
  readonly when: Expression | null;
  readonly target: { readonly type: string; readonly key: Expression };
  readonly operation: 'upsert' | 'delete';
  /** Proposed also when the target is as it should be already, so that an approver always has something to confirm. */
  readonly always: boolean;
  /** Field of the target → value; a literal is `{ op: 'value' }`. A field that comes out null is left out. */
  readonly values: Readonly<Record<string, Expression>>;
  /** 0..1 */
  readonly confidence: number;
  /** Rule ids whose change must be applied first. */
  readonly depends_on: readonly string[];
}

/** Texts of one question in one language, as written: a missing or empty one falls back (`questionTexts`). */
export interface WrittenTexts {
  readonly prompt?: string;
  readonly help?: string;
  readonly retry_text?: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface FlowTexts {
  readonly title: string;
  readonly description: string;
  readonly questions: Readonly<Record<string, WrittenTexts>>;
  readonly rationales: Readonly<Record<string, string>>;
}

export interface Flow {
  readonly id: string;
  readonly version: number;
  readonly default_language: string;
  /** As written in the flow, the default language among them. */
  readonly languages: readonly string[];
  readonly rules: FlowRules;
  readonly recommendations: readonly RecommendationRule[];
  readonly texts: Readonly<Record<string, FlowTexts>>;
}

/** Texts of one question ready to show; never blank. `help` is null when the flow has none. */
export interface QuestionTexts {
  readonly prompt: string;
  readonly help: string | null;
  readonly retry_text: string;
  readonly options: Readonly<Record<string, string>>;
}

/** **Question** of the HTTP contract. */
export interface WireQuestion {
  readonly id: string;
  readonly type: QuestionType;
  readonly prompt: string;
  readonly help: string | null;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly required: boolean;
  readonly min: number | string | null;
  readonly max: number | string | null;
  readonly pattern: string | null;
  readonly group?: string;
  readonly suggested?: Json;
}

/** The rule of a question, or null when the flow has none of that id. */
export function findQuestion(rules: FlowRules, questionId: string): QuestionRule | null {
  return rules.questions.find((question) => question.id === questionId) ?? null;
}

/** What of a question decides whether it is asked. */
type Asked = Pick<QuestionRule, 'id' | 'when'>;

/**
 * The questions that apply to these answers, in the flow's order. An answer to a question that does not apply
 * counts as not given, so that what hangs on it falls away with it.
 */
export function applicable<Question extends Asked>(
  rules: { readonly questions: readonly Question[] }, answers: Answers,
): readonly Question[] {
  return walk(rules, answers).questions;
}

/** The answers whose questions apply: what conditions and recommendations may look at. Has no prototype. */
export function answersThatApply(rules: { readonly questions: readonly Asked[] }, answers: Answers): Answers {
  return walk(rules, answers).applying;
}

function walk<Question extends Asked>(
  rules: { readonly questions: readonly Question[] }, answers: Answers,
): { questions: readonly Question[]; applying: Answers } {
  const applying = Object.create(null) as Record<string, Json>;
  const questions: Question[] = [];
  for (const question of rules.questions) {
    if (question.when !== null && evaluate(question.when, applying) !== true) continue;
    questions.push(question);
    if (Object.hasOwn(answers, question.id)) applying[question.id] = answers[question.id] ?? null;
  }
  return { questions, applying };
}

/** The flow's own spelling of the language that `tag` asks for: case ignored, a region falls back; else null. */
export function matchLanguage(flow: Pick<Flow, 'languages'>, tag: string): string | null {
  if (tag.length > 35) return null; // RFC 5646 section 4.4.1: the longest tag worth supporting
  const parts = tag.toLowerCase().split(/[-_]/);
  if (parts.includes('')) return null;
  for (let length = parts.length; length > 0; length -= 1) {
    const wanted = parts.slice(0, length).join('-');
    const found = flow.languages.find((language) => language.toLowerCase() === wanted);
    if (found !== undefined) return found;
  }
  return null;
}

/** Prompt, help, retry text and labels in `language`, each falling back on its own to the default language. */
export function questionTexts(flow: Flow, language: string, questionId: string): QuestionTexts {
  const written = writtenTexts(flow, language, questionId);
  const fallback = writtenTexts(flow, flow.default_language, questionId);
  const prompt = firstShown(written?.prompt, fallback?.prompt) ?? questionId;
  const values = findQuestion(flow.rules, questionId)?.options ?? [];
  return {
    prompt,
    help: firstShown(written?.help, fallback?.help),
    retry_text: firstShown(written?.retry_text, fallback?.retry_text) ?? prompt,
    options: Object.fromEntries(
      values.map((value) => [value, firstShown(own(written?.options, value), own(fallback?.options, value)) ?? value]),
    ),
  };
}

/** The labels of a choice in every language of the flow: what a person may say for it. */
export function labelsByLanguage(
  flow: Flow,
  questionId: string,
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  return Object.fromEntries(
    flow.languages.map((language) => [language, questionTexts(flow, language, questionId).options]),
  );
}

/** Title and description of a flow, each falling back to the default language. */
export function flowTitle(flow: Flow, language: string): { readonly title: string; readonly description: string } {
  const written = own(flow.texts, language);
  const fallback = own(flow.texts, flow.default_language);
  return {
    title: firstShown(written?.title, fallback?.title) ?? flow.id,
    description: firstShown(written?.description, fallback?.description) ?? '',
  };
}

/** Why a recommendation rule proposes what it proposes, for the approver; '' when the flow does not say. */
export function rationaleText(flow: Flow, language: string, ruleId: string): string {
  const written = own(own(flow.texts, language)?.rationales, ruleId);
  return firstShown(written, own(own(flow.texts, flow.default_language)?.rationales, ruleId)) ?? '';
}

/** A question as the HTTP contract has it. `suggested` is the former answer of a question that is asked again. */
export function wireQuestion(flow: Flow, language: string, rule: QuestionRule, suggested?: Json): WireQuestion {
  const texts = questionTexts(flow, language, rule.id);
  return {
    id: rule.id,
    type: rule.type,
    prompt: texts.prompt,
    help: texts.help,
    options: rule.options.map((value) => ({ value, label: own(texts.options, value) ?? value })),
    required: rule.required,
    min: rule.min,
    max: rule.max,
    pattern: rule.pattern,
    ...(rule.group === undefined ? {} : { group: rule.group }),
    ...(suggested === undefined ? {} : { suggested }),
  };
}

function writtenTexts(flow: Flow, language: string, questionId: string): WrittenTexts | undefined {
  return own(own(flow.texts, language)?.questions, questionId);
}

function firstShown(...candidates: readonly (string | undefined)[]): string | null {
  return candidates.find((candidate) => candidate !== undefined && candidate.trim() !== '') ?? null;
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
