import { isList, jsonBytes, type Json } from './json.ts';
import type { QuestionRule } from './flow.ts';


export type AnswerCode =
  | 'required' | 'wrong_type' | 'not_an_integer' | 'too_small' | 'too_large' | 'too_short' | 'too_long'
  | 'too_few' | 'too_many' | 'not_an_option' | 'duplicate_option' | 'pattern' | 'malformed_text' | 'malformed_date'
  | 'malformed_time' | 'empty_range' | 'malformed_email' | 'malformed_upload' | 'too_big' | 'too_deep'
  | 'not_understood';

/** `message` says what is wrong, `fix` what to send instead; English, one line each, without the answer itself. */
export interface AnswerRefusal {
  readonly ok: false;
  readonly code: AnswerCode;
  readonly message: string;
  readonly fix: string;
}
export type AnswerVerdict = { readonly ok: true; readonly value: Json } | AnswerRefusal;

/** Bytes of an answer's JSON in UTF-8. All answers of a session have a bound of their own (bounds.ts). */
export const maxAnswerBytes = 8192;
/** Levels of arrays and objects; the deepest right answer has one. */
export const maxAnswerDepth = 8;
/** Characters (code points) of a text when its question says nothing else. */
export const defaultTextLength = { min: 1, max: 200 } as const;
/**
 * Judges an answer by its question. Total: any JSON gets a verdict.
 * @returns the value to store: text and email in NFC, -0 as 0, upload ids in lower case.
 */
export function validateAnswer(rule: QuestionRule, value: Json): AnswerVerdict {
  if (value === null) return judgeSkip(rule);
  if (depthOf(value) > maxAnswerDepth) {
    return refuse(
      'too_deep',
      'The value is nested too deeply.',
      `Nest arrays and objects at most ${maxAnswerDepth} deep.`,
    );
  }
  if (jsonBytes(value) > maxAnswerBytes) return tooBig();
  if (!isCleanText(value)) {
    return refuse(
      'malformed_text',
      'The text contains U+0000 or half of a surrogate pair.',
      'Send well-formed Unicode text without U+0000.',
    );
  }
  switch (rule.type) {
    case 'text':
      return judgeText(rule, value);
    case 'number':
      return judgeNumber(rule, value);
    case 'boolean':
      return typeof value === 'boolean' ? accept(value) : wrongType('true or false', 'true or false, without quotes');
    case 'single_choice':
      return judgeChoice(rule, value);
    case 'multi_choice':
      return judgeChoices(rule, value);
    case 'date':
      return judgeDate(rule, value);
    case 'time_range':
      return judgeTimeRange(value);
    case 'email':
      return judgeEmail(value);
    case 'file':
      return judgeUpload(value);
  }
}

/** True for a calendar date `YYYY-MM-DD`, years 0001 to 9999. No clock and no time zone takes part. */
export function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return year >= 1 && day >= 1 && day <= (lengths[month - 1] ?? 0);
}

/** True for a time of day `HH:MM`, 00:00 to 23:59. */
export function isTime(text: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(text);
}

/** True for an address one can write to: one @, a local part of 1-64, a domain with a dot, at most 254 characters. */
export function isEmail(text: string): boolean {
  if (codePoints(text) > 254 || /[\p{C}\p{Z}]/u.test(text)) return false;
  const [local = '', domain = '', ...more] = text.split('@');
  if (more.length > 0 || local === '' || codePoints(local) > 64 || /[()<>[\]\\,;:"]/.test(local)) return false;
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) return false;
  const labels = domain.split('.');
  const last = labels.at(-1) ?? '';
  return labels.length > 1 && labels.every(isDomainLabel) && !/^\d+$/.test(last);
}

/** As it is kept: in lower case. */
export function isUploadId(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}

/** Characters as people count them here: Unicode code points. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _character of text) count += 1;
  return count;
}

// --- One judge per type ---

function judgeSkip(rule: QuestionRule): AnswerVerdict {
  if (!rule.required) return accept(null);
  return refuse('required', 'This question needs an answer.', 'Answer it; it cannot be skipped.');
}

function judgeText(rule: QuestionRule, value: Json): AnswerVerdict {
  if (typeof value !== 'string') return wrongType('a text', 'a text in quotes');
  const text = value.normalize('NFC');
  if (jsonBytes(text) > maxAnswerBytes) return tooBig(); // NFC can lengthen (composition exclusions)
  if (rule.required && isBlank(text)) {
    return refuse('required', 'The text is empty.', 'Write at least one visible character.');
  }
  const min = numberOr(rule.min, defaultTextLength.min);
  const max = numberOr(rule.max, defaultTextLength.max);
  const length = codePoints(text);
  if (length < min || isBlank(text)) {
    return refuse(
      'too_short',
      `The text has ${length} characters; at least ${min} are needed.`,
      skippable(rule, 'Write more'),
    );
  }
  if (length > max) {
    return refuse(
      'too_long',
      `The text has ${length} characters; at most ${max} are allowed.`,
      `Shorten it to ${max} characters.`,
    );
  }
  if (rule.pattern !== null && !wholeMatch(rule.pattern, text)) {
    return refuse(
      'pattern',
      'The text does not have the form that this question asks for.',
      `Write it in the form ${rule.pattern}.`,
    );
  }
  return accept(text);
}

function judgeNumber(rule: QuestionRule, value: Json): AnswerVerdict {
  if (typeof value !== 'number' || !Number.isFinite(value)) return wrongType('a number', 'a number without quotes');
  if (rule.integer === true && !Number.isSafeInteger(value)) {
    return refuse('not_an_integer', 'The number is not a whole number.', 'Send a whole number.');
  }
  if (typeof rule.min === 'number' && value < rule.min) {
    return refuse('too_small', `The number is below ${rule.min}.`, `Send ${rule.min} or more.`);
  }
  if (typeof rule.max === 'number' && value > rule.max) {
    return refuse('too_large', `The number is above ${rule.max}.`, `Send ${rule.max} or less.`);
  }
  return accept(value === 0 ? 0 : value); // -0 and 0 are one number in canonical JSON, so they are one here
}

function judgeChoice(rule: QuestionRule, value: Json): AnswerVerdict {
  if (typeof value !== 'string') return wrongType("an option's value", `one of: ${optionsOf(rule)}`);
  return rule.options.includes(value) ? accept(value) : notAnOption(rule);
}

function judgeChoices(rule: QuestionRule, value: Json): AnswerVerdict {
  if (!isList(value)) return wrongType("an array of options' values", `an array of: ${optionsOf(rule)}`);
  if (value.some((item) => typeof item !== 'string' || !rule.options.includes(item))) return notAnOption(rule);
  if (new Set(value).size < value.length) {
    return refuse('duplicate_option', 'An option is named twice.', 'Name each option at most once.');
  }
  const min = numberOr(rule.min, rule.required ? 1 : 0);
  const max = numberOr(rule.max, rule.options.length);
  if (value.length < min) return refuse('too_few', `At least ${min} options are needed.`, `Choose ${min} or more.`);
  if (value.length > max) return refuse('too_many', `At most ${max} options are allowed.`, `Choose ${max} or fewer.`);
  return accept(value);
}

function judgeDate(rule: QuestionRule, value: Json): AnswerVerdict {
  if (typeof value !== 'string') return wrongType('a date', 'a text like "2026-03-29"');
  if (!isDate(value)) {
    return refuse(
      'malformed_date',
      'The text is not a date of the calendar.',
      'Send an existing day as YYYY-MM-DD, without a time.',
    );
  }
  if (typeof rule.min === 'string' && value < rule.min) {
    return refuse('too_small', `The date is before ${rule.min}.`, `Send ${rule.min} or a later day.`);
  }
  if (typeof rule.max === 'string' && value > rule.max) {
    return refuse('too_large', `The date is after ${rule.max}.`, `Send ${rule.max} or an earlier day.`);
  }
  return accept(value);
}

function judgeTimeRange(value: Json): AnswerVerdict {
  const example = '{"start": "09:00", "end": "17:30"}';
  if (typeof value !== 'object' || value === null || isList(value)) {
    return wrongType('a time range', `an object like ${example}`);
  }
  const keys = Object.keys(value);
  const start = Object.hasOwn(value, 'start') ? value['start'] : undefined;
  const end = Object.hasOwn(value, 'end') ? value['end'] : undefined;
  if (keys.length !== 2 || typeof start !== 'string' || typeof end !== 'string') {
    return wrongType('a time range', `exactly start and end, like ${example}`);
  }
  if (!isTime(start) || !isTime(end)) {
    return refuse('malformed_time', 'Start or end is not a time of day.', 'Write both as HH:MM from 00:00 to 23:59.');
  }
  if (start === end) {
    return refuse(
      'empty_range',
      'Start and end are the same.',
      'Send different times; for the whole day 00:00 to 23:59.',
    );
  }
  return accept({ start, end });
}

function judgeEmail(value: Json): AnswerVerdict {
  if (typeof value !== 'string') return wrongType('an email address', 'a text like "ana@example.com"');
  const email = value.normalize('NFC');
  if (!isEmail(email)) {
    return refuse(
      'malformed_email',
      'The text is not an email address.',
      'Write one address like ana@example.com, without spaces.',
    );
  }
  return accept(email);
}

function judgeUpload(value: Json): AnswerVerdict {
  if (typeof value !== 'string') return wrongType('an upload', 'the upload_id of an uploaded file');
  if (!isUploadId(value.toLowerCase())) {
    return refuse('malformed_upload', 'The text is not an upload_id.', 'Upload the file first and send its upload_id.');
  }
  return accept(value.toLowerCase());
}

// --- What the judges share ---

function accept(value: Json): AnswerVerdict {
  return { ok: true, value };
}

function refuse(code: AnswerCode, message: string, fix: string): AnswerRefusal {
  return { ok: false, code, message, fix };
}

function wrongType(wanted: string, fix: string): AnswerRefusal {
  return refuse('wrong_type', `The answer must be ${wanted}.`, `Send ${fix}.`);
}

function notAnOption(rule: QuestionRule): AnswerRefusal {
  return refuse('not_an_option', 'The answer is not one of the options.', `Send one of: ${optionsOf(rule)}.`);
}

/** Options named in a refusal, which the session keeps for repeats of the message: 200 of 64 characters would be 13 KB each. */
const optionsNamed = 20;

function optionsOf({ options }: QuestionRule): string {
  const rest = options.length - optionsNamed;
  return `${options.slice(0, optionsNamed).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function tooBig(): AnswerRefusal {
  return refuse('too_big', `The answer is larger than ${maxAnswerBytes} bytes.`, 'Shorten it.');
}

function skippable(rule: QuestionRule, fix: string): string {
  return rule.required ? `${fix}.` : `${fix}, or send null to skip the question.`;
}

function numberOr(limit: number | string | null, otherwise: number): number {
  return typeof limit === 'number' ? limit : otherwise;
}

/** Only white space and characters without a shape of their own (zero-width, direction marks). */
function isBlank(text: string): boolean {
  return /^[\s\p{Z}\p{Cc}\p{Cf}]*$/u.test(text);
}

/** The loader refuses patterns that do not compile or backtrack without bound, so this neither throws nor hangs. */
function wholeMatch(pattern: string, text: string): boolean {
  return new RegExp(`^(?:${pattern})$`, 'u').test(text);
}

function isDomainLabel(label: string): boolean {
  return /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?$/u.test(label) && label.length <= 63;
}

// --- JSON ---

function children(value: Json): readonly Json[] {
  if (value === null || typeof value !== 'object') return [];
  return isList(value) ? value : Object.values(value);
}

/** Levels of arrays and objects, counted breadth first and only as far as the answer to "too deep?" needs. */
function depthOf(value: Json): number {
  let level: readonly Json[] = [value];
  let depth = 0;
  while (depth <= maxAnswerDepth) {
    level = level.filter((item) => item !== null && typeof item === 'object');
    if (level.length === 0) break;
    depth += 1;
    level = level.flatMap(children);
  }
  return depth;
}

function isCleanText(value: Json): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\u0000');
  if (value === null || typeof value !== 'object') return true;
  return (isList(value) || Object.keys(value).every(isCleanText)) && children(value).every(isCleanText);
}
