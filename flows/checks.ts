import { defaultTextLength, isDate } from '../domain/answer.ts';
import { ExpressionError, namesOf, parseExpression, parts, reservedWords } from '../domain/expression.ts';
import type { Expression } from '../domain/expression.ts';
import type { QuestionRule, QuestionType, RecommendationRule } from '../domain/flow.ts';
import { checkTargetValues, isTargetType, targetSchemas } from '../domain/recommendation.ts';
import type { WrittenQuestion, WrittenRecommendation, WrittenText } from './file-schema.ts';
import { patternMistake } from './pattern.ts';
import { canBeTrue } from './reach.ts';
import type { FlowSource, Path } from './source.ts';
import type { Part } from './stand-ins.ts';

/** Longest text that a flow may allow: 8 KB an answer, and most characters of most scripts take up to three bytes. */
const maxTextLimit = 8000;

/** What the checks of one file share. */
export interface Checking {
  readonly source: FlowSource;
  readonly defaultLanguage: string;
  readonly languages: readonly string[];
  /** Every question id of the file, in order, also of questions that are otherwise wrong. */
  readonly questionIds: readonly string[];
}

// --- Texts ---

/** A text must be there in the default language, and only in languages that the flow names. */
export function checkText(written: WrittenText | undefined, path: Path, checking: Checking): void {
  const { source, defaultLanguage, languages } = checking;
  if (written === undefined) return;
  if (typeof written === 'string') {
    if (written.trim() === '') source.report(path, `'${String(path.at(-1))}' is empty`);
    return;
  }
  if ((ownText(written, defaultLanguage) ?? '').trim() === '') {
    const at = source.has([...path, defaultLanguage]) ? [...path, defaultLanguage] : path;
    source.report(at, `'${String(path.at(-1))}' has no text in the default language '${defaultLanguage}'`);
  }
  for (const language of Object.keys(written)) {
    if (languages.includes(language)) continue;
    source.reportField(path, language, `'${language}' is not one of the flow's languages`);
  }
}

/** The text in a language as written; undefined when it is missing there. */
export function textIn(
  written: WrittenText | undefined,
  language: string,
  defaultLanguage: string,
): string | undefined {
  if (typeof written === 'string') return language === defaultLanguage ? written : undefined;
  return written === undefined ? undefined : ownText(written, language);
}

function ownText(written: Readonly<Record<string, string | null>>, language: string): string | undefined {
  return (Object.hasOwn(written, language) ? written[language] : undefined) ?? undefined;
}

// --- Questions ---

/** Fields that say nothing about which answers a question takes. */
const beside: readonly string[] = ['prompt', 'help', 'retry_text', 'pii', 'bands', 'group'];

/**
 * The rule of a question. Its mistakes are noted. Null when the shape of a field is wrong that says which answers it takes:
 * conditions and rules below are then not judged by it.
 */
export function checkQuestion(
  { data: written, wrong }: Part<WrittenQuestion>,
  path: Path,
  earlier: readonly QuestionRule[],
  checking: Checking,
): QuestionRule | null {
  const { source } = checking;
  if (reservedWords.includes(written.id)) {
    source.report([...path, 'id'], `'${written.id}' is a word of the expressions`);
  }
  checkText(written.prompt, [...path, 'prompt'], checking);
  checkText(written.help, [...path, 'help'], checking);
  checkText(written.retry_text, [...path, 'retry_text'], checking);
  checkLabels(written, path, checking);
  const rule = ruleOf(written, checkCondition(written.when, written.id, path, earlier, checking));
  if (!wrong.has('type')) {
    if (!wrong.has('options')) checkHasOptions(written, path, source);
    checkLimits(rule, wrong, path, source);
    if (!wrong.has('max')) checkPattern(rule, path, source);
    if (written.integer === true && rule.type !== 'number') {
      source.report([...path, 'integer'], "only a number question has 'integer'");
    }
    checkBands(written, path, source);
  }
  return [...wrong].every((field) => beside.includes(field.split('.')[0] ?? '')) ? rule : null;
}

function ruleOf(written: WrittenQuestion, when: Expression | null): QuestionRule {
  const isText = written.type === 'text';
  return {
    id: written.id,
    type: written.type,
    required: written.required,
    pii: written.pii,
    when,
    options: (written.options ?? []).map(({ value }) => value),
    min: written.min ?? (isText ? defaultTextLength.min : null),
    max: written.max ?? (isText ? defaultTextLength.max : null),
    pattern: written.pattern ?? null,
    ...(written.integer === true ? { integer: true } : {}),
    ...(written.bands === undefined ? {} : { bands: written.bands }),
    ...(written.group === undefined ? {} : { group: written.group }),
  };
}

function checkBands({ type, pii, bands }: WrittenQuestion, path: Path, source: FlowSource): void {
  if (bands === undefined) return;
  if (type !== 'number') source.report([...path, 'bands'], "only a number question has 'bands'");
  if (pii) source.report([...path, 'bands'], "personal data is in no report: leave out 'bands'");
  if (bands.some((from, at) => at > 0 && from <= (bands[at - 1] ?? from))) source.report([...path, 'bands'], "'bands' must ascend");
}

function checkHasOptions({ type, options }: WrittenQuestion, path: Path, source: FlowSource): void {
  const isChoice = type === 'single_choice' || type === 'multi_choice';
  if (isChoice && options === undefined) source.report(path, `a ${type} question needs 'options'`);
  if (!isChoice && options !== undefined) source.report([...path, 'options'], `a ${type} question has no 'options'`);
}

function checkLabels({ options }: WrittenQuestion, path: Path, checking: Checking): void {
  const seen = new Set<string>();
  options?.forEach(({ value, label }, at) => {
    if (seen.has(value)) checking.source.report([...path, 'options', at, 'value'], `option '${value}' is there twice`);
    seen.add(value);
    checkText(label, [...path, 'options', at, 'label'], checking);
  });
}

function checkLimits(rule: QuestionRule, wrong: ReadonlySet<string>, path: Path, source: FlowSource): void {
  const most = wrong.has('options') ? Infinity : rule.options.length;
  const unsound = (['min', 'max'] as const).filter((name) => {
    if (wrong.has(name)) return true;
    const reason = source.has([...path, name]) ? limitMistake(rule.type, rule[name], most) : null;
    if (reason !== null) source.report([...path, name], `'${name}' ${reason}`);
    return reason !== null;
  });
  const { min, max } = rule;
  if (unsound.length > 0 || min === null || max === null || min <= max) return;
  const at = source.has([...path, 'min']) ? 'min' : 'max';
  source.report([...path, at], `min ${min} is above max ${max}`);
}

function limitMistake(type: QuestionType, limit: number | string | null, options: number): string | null {
  switch (type) {
    case 'number':
      return typeof limit === 'number' && Number.isFinite(limit) ? null : 'must be a number';
    case 'date':
      return typeof limit === 'string' && isDate(limit) ? null : 'must be a day of the calendar, YYYY-MM-DD';
    case 'text':
      return isCount(limit, maxTextLimit) ? null : `must be a whole number of characters from 0 to ${maxTextLimit}`;
    case 'multi_choice':
      return isCount(limit, options) ? null : 'must be a whole number, at most the number of options';
    default:
      return `does not belong to a ${type} question`;
  }
}

function isCount(limit: number | string | null, most: number): boolean {
  return typeof limit === 'number' && Number.isInteger(limit) && limit >= 0 && limit <= most;
}

function checkPattern(rule: QuestionRule, path: Path, source: FlowSource): void {
  if (rule.pattern === null) return;
  const longest = typeof rule.max === 'number' ? rule.max : defaultTextLength.max;
  const reason = rule.type === 'text' ? patternMistake(rule.pattern, longest) : "only a text question has 'pattern'";
  if (reason !== null) source.report([...path, 'pattern'], reason);
}

// --- Conditions ---

/** `when` of a question: it may name only questions above, and some answers to them must make it true. */
function checkCondition(
  when: string | undefined,
  questionId: string,
  path: Path,
  earlier: readonly QuestionRule[],
  checking: Checking,
): Expression | null {
  if (when === undefined) return null;
  const at = [...path, 'when'];
  const expression = parse(when, at, checking.source);
  if (expression === null) return null;
  const position = Number(path.at(-1));
  let sound = true;
  for (const name of namesOf(expression)) {
    const other = checking.questionIds.indexOf(name);
    if (other >= 0 && other < position) continue;
    sound = false;
    checking.source.reportInside(at, columnOf(when, name), nameMistake(name, questionId, other));
  }
  sound = checkUses(expression, when, at, earlier, checking.source) && sound;
  if (sound && !canBeTrue(expression, earlier)) {
    checking.source.report(at, `${questionId === '' ? 'this question' : `'${questionId}'`} can never be asked: no answers make this true`);
  }
  return expression;
}

function nameMistake(name: string, questionId: string, other: number): string {
  if (other < 0) return `unknown question '${name}'`;
  if (name === questionId) return `cycle: '${name}' depends on itself`;
  return `'${name}' is asked after ${questionId === '' ? 'this question' : `'${questionId}'`}; a condition may name only questions above ` +
    `it`;
}

/** Notes every ring of conditions once, at its first question: a `when` that hangs on its own question. */
export function checkCycles(
  conditions: readonly { readonly id: string; readonly names: readonly string[]; readonly path: Path }[],
  source: FlowSource,
): void {
  const reported = new Set<string>();
  for (const { id, path } of conditions) {
    const ring = ringThrough(id, conditions);
    if (ring.length < 2 || ring.some((member) => reported.has(member))) continue;
    ring.forEach((member) => reported.add(member));
    source.report([...path, 'when'], `cycle: ${[...ring, id].join(' → ')}`);
  }
}

function ringThrough(
  start: string,
  conditions: readonly { readonly id: string; readonly names: readonly string[] }[],
): readonly string[] {
  const trails: string[][] = [[start]];
  const seen = new Set<string>();
  for (const trail of trails) {
    const names = conditions.find(({ id }) => id === trail.at(-1))?.names ?? [];
    if (names.includes(start)) return trail;
    for (const name of names.filter((candidate) => !seen.has(candidate))) {
      seen.add(name);
      trails.push([...trail, name]);
    }
  }
  return [];
}

function parse(text: string, path: Path, source: FlowSource): Expression | null {
  try {
    return parseExpression(text).expression;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    source.reportInside(path, error.column, `bad expression: ${error.message}`);
    return null;
  }
}

/** Whether each question is used as its type allows; a literal that it is compared with must be an answer to it. */
function checkUses(
  expression: Expression,
  text: string,
  path: Path,
  questions: readonly QuestionRule[],
  source: FlowSource,
): boolean {
  const mistakes = usesOf(expression, questions);
  for (const { near, reason } of mistakes) source.reportInside(path, columnOf(text, near), reason);
  return mistakes.length === 0;
}

interface Misuse { readonly near: string; readonly reason: string }

function usesOf(expression: Expression, questions: readonly QuestionRule[]): readonly Misuse[] {
  return [...misusesHere(expression, questions), ...parts(expression).flatMap((part) => usesOf(part, questions))];
}

function misusesHere(expression: Expression, questions: readonly QuestionRule[]): readonly Misuse[] {
  if (expression.op === 'field') {
    const question = named(expression.of, questions);
    const known = question?.type === 'time_range' && ['start', 'end'].includes(expression.field);
    return question === null || known
      ? []
      : [{ near: question.id, reason: `'${question.id}' (${question.type}) has no field '${expression.field}'` }];
  }
  if (expression.op === 'call') {
    const question = named(expression.args[0], questions);
    const wantsRange = expression.fn === 'overnight' || expression.fn === 'hours';
    return question === null || !wantsRange || question.type === 'time_range'
      ? []
      : [{ near: question.id, reason: `${expression.fn}() takes a time_range question, not a ${question.type} one` }];
  }
  if (!('left' in expression) || !comparing.includes(expression.op)) return [];
  const { op, left, right } = expression;
  const question = named(left, questions) ?? (op === 'in' || op === 'contains' ? null : named(right, questions));
  if (question === null) return [];
  const literals = [left, right].flatMap((side) => (side.op === 'list' ? side.items : [side]));
  return literals.flatMap((literal) => literalMisuse(literal, op, question));
}

const comparing: readonly string[] = ['==', '!=', '<', '<=', '>', '>=', 'in', 'contains'];

function literalMisuse(literal: Expression, op: string, question: QuestionRule): readonly Misuse[] {
  if (literal.op !== 'value' || literal.value === null) return [];
  const { value } = literal;
  const near = typeof value === 'string' ? value : String(value);
  if ((question.type === 'multi_choice') !== (op === 'contains')) {
    return [{ near: question.id, reason: `'${question.id}' (${question.type}) cannot be used with '${op}'` }];
  }
  if (question.options.length > 0) {
    const known = typeof value === 'string' && question.options.includes(value);
    return known ? [] : [{ near, reason: `'${near}' is not an option of '${question.id}'` }];
  }
  if (typeof value === literalTypes[question.type] && (question.type !== 'date' || isDate(near))) return [];
  return [{ near, reason: `'${question.id}' (${question.type}) cannot be compared with '${near}'` }];
}

const literalTypes: Readonly<Record<QuestionType, 'string' | 'number' | 'boolean' | null>> = {
  text: 'string',
  number: 'number',
  boolean: 'boolean',
  single_choice: 'string',
  multi_choice: 'string',
  date: 'string',
  time_range: null,
  email: 'string',
  file: 'string',
};

function named(expression: Expression | undefined, questions: readonly QuestionRule[]): QuestionRule | null {
  return expression?.op === 'name' ? (questions.find(({ id }) => id === expression.name) ?? null) : null;
}

/** Where a name or literal stands in a source text, counted from 1; its beginning when it is not found. */
function columnOf(text: string, what: string): number {
  const whole = new RegExp(`(?<![A-Za-z0-9_])${what.replace(/[^A-Za-z0-9_]/g, '\\$&')}(?![A-Za-z0-9_])`);
  return Math.max(0, text.search(whole)) + 1;
}

// --- Recommendations ---

/** A recommendation rule, its mistakes noted; null when its target cannot be read. */
export function checkRecommendation(
  { data: written, wrong }: Part<WrittenRecommendation>,
  path: Path,
  questions: readonly QuestionRule[],
  earlierRules: readonly string[],
  checking: Checking,
): RecommendationRule | null {
  const { source } = checking;
  checkText(written.rationale, [...path, 'rationale'], checking);
  written.depends_on.forEach((id, at) => {
    if (!wrong.has(`depends_on.${at}`) && !earlierRules.includes(id)) {
      source.report([...path, 'depends_on', at], `'${id}' is not a recommendation above this one`);
    }
  });
  const read = (text: string, at: Path): Expression | null => readExpression(text, at, questions, checking);
  const when = written.when === undefined ? null : read(written.when, [...path, 'when']);
  if (when !== null && !canBeTrue(when, questions)) {
    source.report([...path, 'when'], `${written.id === '' ? 'this' : `'${written.id}'`} can never be proposed: no answers make this true`);
  }
  const key = read(written.target.key, [...path, 'target', 'key']);
  const values: Record<string, Expression> = {};
  for (const [field, value] of Object.entries(written.values)) {
    const expression: Expression | null =
      typeof value === 'string' ? read(value, [...path, 'values', field]) : { op: 'value', value };
    if (expression !== null) values[field] = expression;
  }
  checkTarget({ data: written, wrong }, values, path, source);
  if (key === null) return null;
  const { id, operation, always, confidence, depends_on } = written;
  return { id, when, target: { type: written.target.type, key }, operation, always, values, confidence, depends_on };
}

function readExpression(
  text: string,
  path: Path,
  questions: readonly QuestionRule[],
  checking: Checking,
): Expression | null {
  const expression = parse(text, path, checking.source);
  if (expression === null) return null;
  for (const name of namesOf(expression)) {
    if (checking.questionIds.includes(name)) continue;
    checking.source.reportInside(path, columnOf(text, name), `unknown question '${name}'`);
  }
  checkUses(expression, text, path, questions, checking.source);
  return expression;
}

function checkTarget(
  { data: { target, operation, values: written }, wrong }: Part<WrittenRecommendation>,
  values: Readonly<Record<string, Expression>>,
  path: Path,
  source: FlowSource,
): void {
  if (wrong.has('target') || wrong.has('target.type')) return;
  if (!isTargetType(target.type)) {
    const known = Object.keys(targetSchemas).join(', ');
    source.report([...path, 'target', 'type'], `unknown target type '${target.type}'; known are ${known}`);
    return;
  }
  if (wrong.has('operation') || wrong.has('values')) return;
  if (operation === 'delete') {
    if (Object.keys(written).length > 0) source.report([...path, 'values'], 'a deletion has no values');
    return;
  }
  // What an expression will give is not known here; only literals can be judged, and which fields are there.
  const probe: Record<string, unknown> = { ...written };
  for (const [field, value] of Object.entries(values)) if (value.op === 'value') probe[field] = value.value;
  for (const { field, code, message } of checkTargetValues(target.type, probe)) {
    if (wrong.has(`values.${field}`)) continue;
    const judged = code === 'unknown_field' || code === 'required' || values[field]?.op === 'value';
    if (judged && code === 'unknown_field') source.reportField([...path, 'values'], field, message);
    else if (judged) source.report([...path, 'values', field], message);
  }
}

