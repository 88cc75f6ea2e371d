import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { validateAnswer } from './answer.ts';
import { canonicalJson, sameValue, type Json } from './json.ts';
import { questionTypes } from './flow.ts';
import type { QuestionRule, QuestionType } from './flow.ts';

function rule(type: QuestionType, more: Partial<QuestionRule> = {}): QuestionRule {
  const options = type === 'single_choice' || type === 'multi_choice' ? ['red', 'green', 'blue'] : [];
  return {
    id: 'q',
    type,
    required: true,
    pii: false,
    when: null,
    options,
    min: null,
    max: null,
    pattern: null,
    integer: false,
    ...more,
  };
}

function codeOf(of: QuestionRule, value: Json): string {
  const verdict = validateAnswer(of, value);
  return verdict.ok ? `ok ${canonicalJson(verdict.value)}` : verdict.code;
}

const text5 = rule('text', { min: 2, max: 5 });
const count = rule('number', { min: 1, max: 1000, integer: true });

describe('each type takes its own values and refuses the rest', () => {
  test.each<[string, QuestionRule, Json, string]>([
    ['a text in NFC', rule('text'), 'e\u0301', 'ok "é"'],
    ['a text counted in code points', text5, '😀😀😀😀😀', 'ok "😀😀😀😀😀"'],
    ['one code point too many', text5, '😀😀😀😀😀😀', 'too_long'],
    ['NFC before counting', text5, 'e\u0301'.repeat(5), 'ok "ééééé"'],
    ['a short text', text5, 'a', 'too_short'],
    ['200 characters by default', rule('text'), 'x'.repeat(200), `ok "${'x'.repeat(200)}"`],
    ['201 characters by default', rule('text'), 'x'.repeat(201), 'too_long'],
    ['an empty required text', rule('text'), '', 'required'],
    ['a blank required text', rule('text'), ' \t\u3000\u200b\n', 'required'],
    ['a blank optional text', rule('text', { required: false }), '  ', 'too_short'],
    ['a text by pattern', rule('text', { pattern: '[A-Z]{2}|x' }), 'AB', 'ok "AB"'],
    ['a pattern matches the whole text', rule('text', { pattern: '[A-Z]{2}|x' }), 'ABx', 'pattern'],
    ['a number as text', rule('text'), 12, 'wrong_type'],
    ['U+0000', rule('text'), 'a\u0000b', 'malformed_text'],
    ['half a surrogate pair', rule('text'), 'a\ud800', 'malformed_text'],
    ['U+0000 in a key', rule('text'), { 'a\u0000': 1 }, 'malformed_text'],
    ['half a pair deep inside', rule('number'), [{ a: ['\udc00'] }], 'malformed_text'],
    ['a number', count, 12, 'ok 12'],
    ['a number in quotes', count, '12', 'wrong_type'],
    ['true is no number', count, true, 'wrong_type'],
    ['a fraction where whole numbers are asked', count, 1.5, 'not_an_integer'],
    ['a fraction elsewhere', rule('number'), 1.5, 'ok 1.5'],
    ['below the least', count, 0, 'too_small'],
    ['above the most', count, 1001, 'too_large'],
    ['minus zero is zero', rule('number'), -0, 'ok 0'],
    ['true', rule('boolean'), true, 'ok true'],
    ['the word true', rule('boolean'), 'true', 'wrong_type'],
    ['1 is not true', rule('boolean'), 1, 'wrong_type'],
    ['an option', rule('single_choice'), 'red', 'ok "red"'],
    ['no option', rule('single_choice'), 'Red', 'not_an_option'],
    ['a property of every object', rule('single_choice'), 'constructor', 'not_an_option'],
    ['an option in a list', rule('single_choice'), ['red'], 'wrong_type'],
    ['some options', rule('multi_choice'), ['blue', 'red'], 'ok ["blue","red"]'],
    ['an option twice', rule('multi_choice'), ['red', 'red'], 'duplicate_option'],
    ['none of the options, required', rule('multi_choice'), [], 'too_few'],
    ['none of the options, optional', rule('multi_choice', { required: false }), [], 'ok []'],
    ['more than allowed', rule('multi_choice', { max: 1 }), ['red', 'blue'], 'too_many'],
    ['no option among options', rule('multi_choice'), ['red', 1], 'not_an_option'],
    ['a date', rule('date'), '2024-02-29', 'ok "2024-02-29"'],
    ['30 February', rule('date'), '2026-02-30', 'malformed_date'],
    ['29 February of 1900', rule('date'), '1900-02-29', 'malformed_date'],
    ['a date-time', rule('date'), '2026-12-31T23:30:00-08:00', 'malformed_date'],
    ['year 0', rule('date'), '0000-01-01', 'malformed_date'],
    ['a date with other digits', rule('date'), '२०२६-०१-०१', 'malformed_date'],
    ['a date before the least', rule('date', { min: '2026-01-01' }), '2025-12-31', 'too_small'],
    ['a date after the most', rule('date', { max: '2026-01-01' }), '2026-01-02', 'too_large'],
    ['hours', rule('time_range'), { end: '17:30', start: '09:00' }, 'ok {"end":"17:30","start":"09:00"}'],
    ['hours past midnight', rule('time_range'), { start: '22:00', end: '06:00' }, 'ok {"end":"06:00","start":"22:00"}'],
    ['no hours at all', rule('time_range'), { start: '09:00', end: '09:00' }, 'empty_range'],
    ['24:00', rule('time_range'), { start: '09:00', end: '24:00' }, 'malformed_time'],
    ['9:00', rule('time_range'), { start: '9:00', end: '17:00' }, 'malformed_time'],
    ['hours with something else', rule('time_range'), { start: '09:00', end: '17:00', zone: 'x' }, 'wrong_type'],
    ['hours without an end', rule('time_range'), { start: '09:00', stop: '10:00' }, 'wrong_type'],
    ['an email', rule('email'), 'Ana.B+x@mail.example.com', 'ok "Ana.B+x@mail.example.com"'],
    ['an email with a line break', rule('email'), 'ana@example.com\nBcc: x@y.z', 'malformed_email'],
    ['an email with a direction mark', rule('email'), 'ana\u202e@example.com', 'malformed_email'],
    ['an email without a dot', rule('email'), 'ana@localhost', 'malformed_email'],
    ['two at signs', rule('email'), 'a@b@example.com', 'malformed_email'],
    ['a long email', rule('email'), `a@${'x.'.repeat(126)}com`, 'malformed_email'],
    ['an upload', rule('file'), '0190F3A0-0000-7000-8000-00000000000A', 'ok "0190f3a0-0000-7000-8000-00000000000a"'],
    ['another text for an upload', rule('file'), '../etc/passwd', 'malformed_upload'],
    ['a skip where it is allowed', rule('date', { required: false }), null, 'ok null'],
    ['a skip where it is not', rule('date'), null, 'required'],
    ['8 KB of text', rule('text', { max: 8000 }), 'x'.repeat(8000), `ok "${'x'.repeat(8000)}"`],
    ['more than 8 KB in UTF-8', rule('text', { max: 8000 }), 'ह'.repeat(3000), 'too_big'],
    ['more than 8 KB of something else', rule('boolean'), Array.from({ length: 5000 }, () => 1), 'too_big'],
  ])('%s', (_title, of, value, outcome) => {
    expect(codeOf(of, value)).toBe(outcome);
  });

  test('minus zero is stored as zero, so that one number has one value', () => {
    const verdict = validateAnswer(rule('number'), -0);
    expect(verdict.ok && Object.is(verdict.value, 0)).toBe(true);
  });

  test('JSON nested a hundred thousand levels deep is refused, not a crash', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as Json;
    for (const type of questionTypes) expect(codeOf(rule(type), deep)).toBe('too_deep');
  });

  test('an own __proto__ key is an ordinary wrong key', () => {
    const value = JSON.parse('{"__proto__": {"start": "09:00", "end": "10:00"}}') as Json;
    expect(codeOf(rule('time_range'), value)).toBe('wrong_type');
    const inherited = JSON.parse('{"start": "09:00", "__proto__": "10:00"}') as Json;
    expect(codeOf(rule('time_range'), inherited)).toBe('wrong_type');
  });
});

describe('totality', () => {
  const json = fc.oneof(
    fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }),
    fc.string({ unit: 'binary' }),
    fc.record({ start: fc.stringMatching(/^[0-2]\d:[0-5]\d$/), end: fc.stringMatching(/^[0-2]\d:[0-5]\d$/) }),
    fc.stringMatching(/^\d{4}-[01]\d-[0-3]\d$/),
    fc.uniqueArray(fc.constantFrom('red', 'green', 'blue')),
  ) as fc.Arbitrary<Json>;
  const rules = fc
    .tuple(fc.constantFrom(...questionTypes), fc.boolean())
    .map(([type, required]) => rule(type, { required }));

  test('any JSON gets a verdict; what is accepted is accepted again, unchanged', () => {
    fc.assert(
      fc.property(rules, json, (of, value) => {
        const verdict = validateAnswer(of, value);
        const again = verdict.ok ? validateAnswer(of, verdict.value) : verdict;
        expect(again).toEqual(verdict);
        const lines = verdict.ok ? [] : [verdict.message, verdict.fix];
        expect(lines.every((line) => /^[A-Z][^\n]*\.$/.test(line))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test('a date is accepted exactly when the calendar has it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9999 }),
        fc.integer({ min: 0, max: 13 }),
        fc.integer({ min: 0, max: 32 }),
        (year, month, day) => {
          const digits = (part: number, count: number): string => String(part).padStart(count, '0');
          const text = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
          const date = new Date(`${text}T00:00:00Z`);
          const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
          expect(validateAnswer(rule('date'), text).ok).toBe(exists);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('equality', () => {
  test('canonical JSON sorts keys at every level, by UTF-16 unit', () => {
    expect(canonicalJson({ b: [{ d: 1, c: null }], a: 'ü', A: -0 })).toBe('{"A":0,"a":"ü","b":[{"c":null,"d":1}]}');
  });

  test('two values are the same exactly when their canonical JSON is', () => {
    const value = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(sameValue(a, b)).toBe(canonicalJson(a) === canonicalJson(b));
        expect(sameValue(a, JSON.parse(JSON.stringify(a)) as Json)).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(sameValue({ a: 1, b: { c: [2] } }, { b: { c: [2] }, a: 1 })).toBe(true);
    expect(sameValue([1, 2], [2, 1])).toBe(false);
  });
});
