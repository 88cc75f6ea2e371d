import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { evaluate, ExpressionError, parseExpression } from './expression.ts';
import type { Json } from './json.ts';

const vocabulary = [
  'a',
  'b',
  '__proto__',
  'and',
  'or',
  'not',
  '==',
  '!=',
  '<',
  'in',
  'contains',
  '(',
  ')',
  '[',
  ']',
  ',',
  "'x'",
  '1',
  'null',
  'true',
  '+',
  '/',
  '.start',
  'min(',
  'hours(',
  'overnight(',
  'later(',
  'slug(',
  'answered(',
];
const night = { start: '22:00', end: '06:30' };
const answers: Readonly<Record<string, Json>> = {
  level: 'high',
  count: 12,
  gps: true,
  no: false,
  kinds: ['a', 'b'],
  night,
  day: { start: '09:00', end: '17:30' },
  on: '2026-03-29',
  skipped: null,
};

function worth(source: string, of: Readonly<Record<string, Json>> = answers): Json {
  return evaluate(parseExpression(source).expression, of);
}

function mistake(source: string): ExpressionError {
  try {
    parseExpression(source);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
  }
  throw new Error(`${source} was accepted`);
}

describe('what expressions say', () => {
  test.each<[string, Json]>([
    ["level == 'high'", true],
    ["level != 'high'", false],
    ["level in ['standard', 'high']", true],
    ["kinds contains 'b' and not (kinds contains 'c')", true],
    ['count >= 12 and count < 12.5', true],
    ["on < '2026-04-01'", true],
    ['gps or missing', true],
    ['no or not gps == false', true],
    ['1 + 2 * 3 - -4', 11],
    ['(1 + 2) * 3 / 2', 4.5],
    ['ceil(count / 5)', 3],
    ['min(count, 3, 7) + max(1, 2) + round(2.5) + floor(1.9)', 9],
    ['day.start', '09:00'],
    ['overnight(night) and not overnight(day)', true],
    ['hours(night)', 8.5],
    ['hours(day)', 8.5],
    ['later(night.start, hours(night) / 2)', '02:15'],
    ["later('00:10', -1)", '23:10'],
    ["slug(' Pune  Büro #1 ') + '-x'", 'pune-büro-1-x'],
    ["slug('दफ़्तर १')", 'दफ़्तर-१'.normalize('NFC')],
    ["slug('🎉')", '1f389'],
    ['answered(level) and not answered(skipped) and not answered(missing)', true],
  ])('%s is worked out as the language says', (source, value) => {
    expect(worth(source)).toEqual(value);
  });

  test.each([
    'missing == 1',
    'missing != 1',
    'missing < 1',
    'missing >= 1',
    'missing in [1]',
    'missing == other',
    "missing contains 'a'",
    'overnight(missing)',
    'skipped != 5',
  ])('a comparison with what is not answered is not true: %s', (source) => {
    expect(worth(source)).not.toBe(true);
  });

  test('only a null written in the source can be compared with', () => {
    expect(worth('missing == null')).toBe(true);
    expect(worth('null != level')).toBe(true);
    expect(worth('level == null')).toBe(false);
  });

  test.each([
    '__proto__',
    'constructor',
    'toString',
    'level.length',
    'kinds.length',
    'day.__proto__',
    'day.constructor',
  ])('nothing of JavaScript itself can be reached: %s is not answered', (source) => {
    expect(worth(source)).toBeNull();
  });

  test.each([
    '1 / 0',
    "'a' * 2",
    '-level',
    'min(level)',
    'hours(level)',
    "later('25:00', 1)",
    'later(day.start, 100000)',
  ])('what cannot be worked out is null: %s', (source) => {
    expect(worth(source)).toBeNull();
  });

  test('names are listed once each, without functions and fields', () => {
    expect(parseExpression("a.start == b and answered(a) or c in ['d', e]").names).toEqual(['a', 'b', 'c', 'e']);
  });
});

describe('what is refused', () => {
  test.each([
    ['', 1, 'empty'],
    ["a = 'x'", 3, "equality is '=='"],
    ["a == 'x", 6, 'does not end'],
    ['a && b', 3, "'and'"],
    ['!a', 1, "'not'"],
    ['a == ', 6, 'expected a value'],
    ['(a', 3, "expected ')'"],
    ['a b', 3, 'unexpected'],
    ['a < b < c', 7, 'do not chain'],
    ['eval(a)', 1, "unknown function 'eval'"],
    ['constructor(a)', 1, 'unknown function'],
    ['round(1, 2)', 1, 'takes 1 argument'],
    ['a.1', 3, 'must follow'],
    ['a == `x`', 6, 'unexpected character'],
    ["in ['a']", 1, 'expected a value'],
  ])('%j is refused at column %i', (source, column, words) => {
    const error = mistake(source);
    expect(error.column).toBe(column);
    expect(error.message).toContain(words);
  });

  test('nesting beyond 32 levels and sources beyond 500 characters are refused', () => {
    expect(mistake(`${'('.repeat(33)}1${')'.repeat(33)}`).message).toContain('32');
    expect(mistake(Array.from({ length: 40 }, () => 'a').join(' or ')).message).toContain('32');
    expect(mistake(`${'not '.repeat(40)}a`).message).toContain('32');
    expect(mistake(`${' '.repeat(500)}a`).message).toContain('500');
    expect(parseExpression(`${'('.repeat(32)}1${')'.repeat(32)}`).names).toEqual([]);
  });
});

describe('totality', () => {
  const noise = fc.stringMatching(/^[a-c0-9 '".()[\],=<>!+*/-]{0,30}$/);
  const words = fc.array(fc.constantFrom(...vocabulary), { maxLength: 14 }).map((chosen) => chosen.join(' '));
  const { source } = fc.letrec<{ source: string }>((tie) => ({
    source: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('a', 'b', 'a.start', '__proto__', "'x'", "'09:00'", '1.5', 'null', 'true', '[]'),
      fc
        .tuple(
          tie('source'),
          fc.constantFrom('and', 'or', '==', '!=', '<', '>=', 'in', 'contains', '+', '/'),
          tie('source'),
        )
        .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
      fc
        .tuple(fc.constantFrom('not ', '-', 'ceil', 'hours', 'overnight', 'slug', 'answered', 'max'), tie('source'))
        .map(([prefix, of]) => `${prefix}(${of})`),
      fc.tuple(tie('source'), tie('source')).map(([time, hours]) => `later(${time}, ${hours})`),
      fc.tuple(tie('source'), tie('source')).map(([first, second]) => `[${first}, ${second}]`),
    ),
  }));
  const json = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.record({ start: fc.constantFrom('09:00', '22:00'), end: fc.constant('17:30') }),
  );

  test('any text is an expression or an ExpressionError with a column inside it', () => {
    fc.assert(
      fc.property(fc.oneof(noise, words, fc.string()), (text) => {
        let column = 1;
        try {
          parseExpression(text);
        } catch (error) {
          column = error instanceof ExpressionError ? error.column : Number.NaN;
        }
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual(text.length + 1);
      }),
      { numRuns: 2000 },
    );
  });

  test('an expression gives JSON for any answers, the same after it was stored as JSON', () => {
    fc.assert(
      fc.property(
        source.filter((text) => text.length <= 500),
        json,
        json,
        (text, a, b) => {
          const of = { a, b } as Readonly<Record<string, Json>>;
          const { expression } = parseExpression(text);
          const value = evaluate(expression, of);
          expect(JSON.stringify(value)).toEqual(expect.any(String));
          const stored = JSON.parse(JSON.stringify(expression)) as typeof expression;
          expect(evaluate(stored, of)).toEqual(value);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
