import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bounds } from '../domain/bounds.ts';
import { ExpressionError, parseExpression } from '../domain/expression.ts';
import type { Flow, FlowTexts, QuestionRule, RecommendationRule, WrittenTexts } from '../domain/flow.ts';
import { jsonBytes } from '../domain/json.ts';
import { checkCycles, checkQuestion, checkRecommendation, checkText, textIn } from './checks.ts';
import type { Checking } from './checks.ts';
import { HeaderSchema, parsePart, QuestionSchema, RecommendationSchema, writtenId } from './file-schema.ts';
import type { WrittenHeader, WrittenQuestion, WrittenRecommendation } from './file-schema.ts';
import { FlowSource } from './source.ts';
import type { FlowProblem } from './source.ts';
import type { Part } from './stand-ins.ts';

export type { FlowProblem } from './source.ts';
export type FlowLoad = { readonly flow: Flow } | { readonly problems: readonly FlowProblem[] };

const maxQuestions = 200;

/** One or more flow files are wrong; the message lists every mistake as `file:line:column: reason`. */
export class FlowFilesError extends Error {
  override readonly name = 'FlowFilesError';
  readonly problems: readonly FlowProblem[];
  constructor(problems: readonly FlowProblem[]) {
    super(problems.map(({ file, line, column, reason }) => `${file}:${line}:${column}: ${reason}`).join('\n'));
    this.problems = problems;
  }
}

/**
 * A flow from its YAML (or JSON) text. Never throws for a text, however wrong.
 * @param file the name that its mistakes carry.
 * @returns the flow, or every mistake in it, in the order of the file.
 */
export function loadFlow(text: string, file: string): FlowLoad {
  const source = new FlowSource(text, file);
  const flow = source.content === null && source.problems.length > 0 ? null : readFlow(source);
  const { problems } = source;
  return flow === null || problems.length > 0 ? { problems } : { flow };
}

/** Every `*.yaml` of a folder, by file name. @throws FlowFilesError with the mistakes of all files. */
export async function loadFlowFolder(folder: string): Promise<readonly Flow[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).toSorted();
  const flows: Flow[] = [];
  const problems: FlowProblem[] = [];
  for (const file of files) {
    const path = join(folder, file);
    const load = loadFlow(await readFile(path, 'utf8'), path);
    if ('problems' in load) problems.push(...load.problems);
    else if (flows.some(({ id, version }) => id === load.flow.id && version === load.flow.version)) {
      const reason = `flow '${load.flow.id}' version ${load.flow.version} is in another file of this folder too`;
      problems.push({ file: path, line: 1, column: 1, path: '/id', reason });
    } else flows.push(load.flow);
  }
  if (problems.length > 0) throw new FlowFilesError(problems);
  return flows;
}

function readFlow(source: FlowSource): Flow | null {
  const header = parsePart(HeaderSchema, source.content, [], source);
  const content = isRecord(source.content) ? source.content : {};
  const questions = partsOf(content, 'questions').map((part, at) =>
    parsePart(QuestionSchema, part, ['questions', at], source),
  );
  const recommendations = partsOf(content, 'recommendations').map((part, at) =>
    parsePart(RecommendationSchema, part, ['recommendations', at], source),
  );
  const checking = checkingOf(content, source);
  checkLanguages(content, checking);
  if (header !== null) {
    checkText(header.data.title, ['title'], checking);
    checkText(header.data.description, ['description'], checking);
  }
  const rules = checkQuestions(questions, checking);
  const proposals = checkRecommendations(recommendations, rules, checking);
  if (header === null || source.problems.length > 0) return null;
  return flowOf(header.data, rules, proposals, { questions: present(questions), recommendations: present(recommendations) });
}

/** Languages and ids as far as they can be read, so that one wrong field does not make the others look wrong. */
function checkingOf(content: Readonly<Record<string, unknown>>, source: FlowSource): Checking {
  const languages = partsOf(content, 'languages').filter((language) => typeof language === 'string');
  const chosen = content['default_language'];
  const defaultLanguage = typeof chosen === 'string' ? chosen : (languages[0] ?? 'en');
  return {
    source,
    defaultLanguage,
    languages: languages.includes(defaultLanguage) ? languages : [...languages, defaultLanguage],
    questionIds: partsOf(content, 'questions').map(writtenId),
  };
}

function checkLanguages(content: Readonly<Record<string, unknown>>, { source, defaultLanguage }: Checking): void {
  const languages = partsOf(content, 'languages');
  if (languages.length > 0 && !languages.includes(defaultLanguage)) {
    source.report(['default_language'], `'${defaultLanguage}' is not one of the flow's languages`);
  }
  const folded = languages.map((language) => String(language).toLowerCase());
  folded.forEach((language, at) => {
    if (folded.indexOf(language) < at) source.report(['languages', at], `language '${language}' is there twice`);
  });
}

function checkQuestions(questions: readonly (Part<WrittenQuestion> | null)[], checking: Checking): readonly QuestionRule[] {
  const { source, questionIds } = checking;
  if (questions.length > maxQuestions) {
    source.report(['questions'], `${questions.length} questions; at most ${maxQuestions} are allowed`);
    return [];
  }
  questionIds.forEach((id, at) => {
    if (id !== '' && questionIds.indexOf(id) < at) {
      source.report(['questions', at, 'id'], `question '${id}' is there twice`);
    }
  });
  const rules: QuestionRule[] = [];
  questions.forEach((part, at) => {
    const rule = part === null ? null : checkQuestion(part, ['questions', at], rules, checking);
    if (rule !== null) rules.push(rule);
  });
  const bytes = jsonBytes(rules);
  // they travel with the state of every session
  if (bytes > bounds.rules) {
    source.report(['questions'], `ids, options, patterns and conditions take ${bytes} bytes; at most ${bounds.rules} are allowed`);
  }
  checkCycles(
    questions.flatMap((part, at) =>
      part === null || part.data.id === '' ? [] : [{ id: part.data.id, names: namesIn(part.data.when), path: ['questions', at] }],
    ),
    source,
  );
  return rules;
}

function namesIn(when: string | undefined): readonly string[] {
  if (when === undefined) return [];
  try {
    return parseExpression(when).names;
  } catch (error) {
    if (error instanceof ExpressionError) return []; // noted where the condition itself was checked
    throw error;
  }
}

function checkRecommendations(
  recommendations: readonly (Part<WrittenRecommendation> | null)[],
  questions: readonly QuestionRule[],
  checking: Checking,
): readonly RecommendationRule[] {
  const seen: string[] = [];
  return recommendations.flatMap((part, at) => {
    if (part === null) return [];
    const path = ['recommendations', at];
    const rule = checkRecommendation(part, path, questions, seen, checking);
    const { id } = part.data;
    if (id !== '' && seen.includes(id)) checking.source.report([...path, 'id'], `recommendation '${id}' is there twice`);
    seen.push(id);
    return rule === null ? [] : [rule];
  });
}

interface Written {
  readonly questions: readonly WrittenQuestion[];
  readonly recommendations: readonly WrittenRecommendation[];
}

function flowOf(
  header: WrittenHeader,
  questions: readonly QuestionRule[],
  recommendations: readonly RecommendationRule[],
  written: Written,
): Flow {
  const { id, version, default_language, languages } = header;
  return {
    id,
    version,
    default_language,
    languages,
    rules: { id, version, questions, ...(header.reminders === undefined ? {} : { reminders: header.reminders }) },
    recommendations,
    texts: Object.fromEntries(languages.map((language) => [language, textsOf(header, written, language)])),
  };
}

function textsOf(header: WrittenHeader, { questions, recommendations }: Written, language: string): FlowTexts {
  const { default_language } = header;
  return {
    title: textIn(header.title, language, default_language) ?? '',
    description: textIn(header.description, language, default_language) ?? '',
    questions: Object.fromEntries(
      questions.map((question) => [question.id, questionTextsOf(question, language, default_language)]),
    ),
    rationales: Object.fromEntries(
      recommendations.map((rule) => [rule.id, textIn(rule.rationale, language, default_language) ?? '']),
    ),
  };
}

function questionTextsOf(question: WrittenQuestion, language: string, defaultLanguage: string): WrittenTexts {
  return {
    prompt: textIn(question.prompt, language, defaultLanguage) ?? '',
    help: textIn(question.help, language, defaultLanguage) ?? '',
    retry_text: textIn(question.retry_text, language, defaultLanguage) ?? '',
    options: Object.fromEntries(
      (question.options ?? []).map(({ value, label }) => [value, textIn(label, language, defaultLanguage) ?? '']),
    ),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function partsOf(content: Readonly<Record<string, unknown>>, field: string): readonly unknown[] {
  const value = content[field];
  return Array.isArray(value) ? value : [];
}

function present<T>(parts: readonly (Part<T> | null)[]): readonly T[] {
  return parts.flatMap((part) => (part === null ? [] : [part.data]));
}
