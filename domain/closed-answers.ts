/** What of the answers reports may be divided by: questions with few possible answers, and never personal data or free text. */
import { answersThatApply, type FlowRules, type QuestionRule } from './flow.ts';
import type { Json } from './json.ts';

/** Question id → value as a word. */
export type ClosedAnswers = Readonly<Record<string, string>>;

/** Each answer to a closed question, by id. Of a multi_choice the chosen values in the flow's order, joined by `+`. */
export function closedAnswers(rules: FlowRules, answers: Readonly<Record<string, Json>>): ClosedAnswers {
  const applying = answersThatApply(rules, answers);
  return Object.fromEntries(rules.questions.flatMap((question) => {
    const word = isClosed(question) ? wordOf(question, applying[question.id] ?? null) : null;
    return word === null ? [] : [[question.id, word]];
  }));
}

/** What an import says of closed questions: properties by the ids of questions, values as text. What is no answer is left out. */
export function closedAnswersTold(questions: readonly QuestionRule[], told: Readonly<Record<string, string>>): ClosedAnswers {
  return Object.fromEntries(questions.flatMap((question) => {
    const text = told[question.id];
    const word = text === undefined || !isClosed(question) ? null : wordOf(question, valueOf(question, text));
    return word === null ? [] : [[question.id, word]];
  }));
}

/** As our own sessions have it; null: it is none. */
function valueOf({ type, options }: QuestionRule, text: string): Json {
  if (type === 'boolean') return text === 'true' || text === 'false' ? text === 'true' : null;
  if (type === 'single_choice') return options.includes(text) ? text : null;
  if (type === 'multi_choice') return options.includes(text) ? [text] : options.filter((option) => text.includes(JSON.stringify(option)));
  return text.trim() === '' || !Number.isFinite(Number(text)) ? null : Number(text);
}

export function isClosed({ type, pii, bands }: QuestionRule): boolean {
  return !pii && (type === 'boolean' || type === 'single_choice' || type === 'multi_choice' || (type === 'number' && bands !== undefined));
}

/** Every value that `closedAnswers` may give a question; null: too many to name, any mixture of a multi_choice's options. */
export function closedValues({ type, options, bands }: QuestionRule): readonly string[] | null {
  if (type === 'multi_choice') return null;
  if (type === 'boolean') return ['true', 'false'];
  return type === 'number' ? bandNames(bands ?? []) : options;
}

function wordOf({ type, options, bands }: QuestionRule, value: Json): string | null {
  if (type === 'boolean') return typeof value === 'boolean' ? String(value) : null;
  if (type === 'single_choice') return typeof value === 'string' ? value : null;
  if (type === 'multi_choice') return Array.isArray(value) ? options.filter((option) => value.includes(option)).join('+') || null : null;
  if (typeof value !== 'number' || bands === undefined) return null;
  const above = bands.findIndex((from) => value < from);
  return bandNames(bands)[above < 0 ? bands.length : above] ?? null;
}

/** Of bounds 10 and 50: `under 10`, `10 to under 50`, `50 and more`. */
function bandNames(bands: readonly number[]): string[] {
  const [first] = bands;
  if (first === undefined) return [];
  return [
    `under ${first}`, ...bands.slice(1).map((to, at) => `${bands[at] ?? first} to under ${to}`), `${bands.at(-1) ?? first} and more`,
  ];
}
