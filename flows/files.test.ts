import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateAnswer } from '../domain/answer.ts';
import { applicable, flowTitle, labelsByLanguage, questionTexts, rationaleText, wireQuestion } from '../domain/flow.ts';
import type { Flow, QuestionRule } from '../domain/flow.ts';
import type { Json } from '../domain/json.ts';
import { readScripted as readText } from '../domain/reading/scripted.ts';
import { checkTargetValues, propose } from '../domain/recommendation.ts';
import type { TargetValues } from '../domain/recommendation.ts';
import { FlowFilesError, loadFlow, loadFlowFolder } from './files.ts';

const flowsFolder = join(import.meta.dirname, '..', 'flows');
const shipped = await readFile(join(flowsFolder, 'business_unit_setup.yaml'), 'utf8');

function loaded(source: string): Flow {
  const load = loadFlow(source, 'flow.yaml');
  if ('problems' in load) throw new Error(JSON.stringify(load.problems, null, 1));
  return load.flow;
}

/** Every mistake as `line:column path reason`. */
function mistakes(source: string): readonly string[] {
  const load = loadFlow(source, 'flow.yaml');
  if ('flow' in load) return [];
  expect(load.problems.every(({ file }) => file === 'flow.yaml')).toBe(true);
  return load.problems.map(({ line, column, path, reason }) => `${line}:${column} ${path} ${reason}`);
}

const head = `id: tiny
version: 1
default_language: en
languages: [en, hi]
title: Tiny
questions:
  - id: kind
    type: single_choice
    prompt: { en: Which?, hi: कौन? }
    options:
      - { value: a, label: A }
      - { value: b, label: { en: B, hi: "" } }
  - { id: sure, type: boolean, prompt: Sure?, when: kind == 'a' }
`;
/** The line after \`head\`, where what a test adds begins. */
const next = head.split('\n').length;

describe('what loads', () => {
  test('a small flow, with a text missing or empty in a language that is not the default', () => {
    const flow = loaded(head);
    expect(flow.rules.questions.map(({ id, required }) => [id, required])).toEqual([
      ['kind', true],
      ['sure', true],
    ]);
    expect(questionTexts(flow, 'hi', 'kind')).toMatchObject({ prompt: 'कौन?', options: { a: 'A', b: 'B' } });
    expect(questionTexts(flow, 'hi', 'sure')).toEqual({
      prompt: 'Sure?',
      help: null,
      retry_text: 'Sure?',
      options: {},
    });
    expect(flowTitle(flow, 'hi')).toEqual({ title: 'Tiny', description: '' });
  });

  test('JSON is a flow too, so a published one need not be YAML', () => {
    const questions = [{ id: 'q', type: 'text', prompt: 'Q?' }];
    const flow = loaded(
      JSON.stringify({ id: 'j', version: 2, default_language: 'en', languages: ['en'], title: 'J', questions }),
    );
    expect(flow.rules.questions[0]).toMatchObject({ min: 1, max: 200, when: null });
  });

  test.each(['[A-Z]{2}-\\d+', '(?:[A-Z]{2}\\d{4})?', '[\\w.]+@[\\w.]+\\.[a-z]+', '(\\d{2}-)+', '\\p{L}+', 'a|b'])(
    'the pattern %s is safe',
    (pattern) => {
      expect(mistakes(`${head}  - { id: t, type: text, prompt: T, pattern: '${pattern}' }`)).toEqual([]);
    },
  );
});

describe('what is refused, each with its line, place and reason', () => {
  test.each<[string, string, string]>([
    ['unknown field', '  - { id: t, type: text, prompt: T, colour: red }', "'colour'"],
    ['missing field', '  - { id: t, type: text }', "missing field 'prompt'"],
    ['wrong type', '  - { id: t, type: text, prompt: T, required: 1 }', "'required' must be true or false"],
    ['unknown type', '  - { id: t, type: txt, prompt: T }', "'type' must be one of text, number"],
    ['bad id', '  - { id: T-1, type: text, prompt: T }', "'id' must be a lower-case name"],
    ['reserved id', '  - { id: in, type: text, prompt: T }', 'word of the expressions'],
    ['duplicate id', '  - { id: kind, type: text, prompt: T }', "question 'kind' is there twice"],
    [
      'empty default prompt',
      '  - { id: t, type: text, prompt: { en: " ", hi: ट } }',
      "no text in the default language 'en'",
    ],
    ['missing default prompt', '  - { id: t, type: text, prompt: { hi: ट } }', "no text in the default language 'en'"],
    ['empty text', '  - { id: t, type: text, prompt: "" }', "'prompt' is empty"],
    ['undeclared language', '  - { id: t, type: text, prompt: { en: T, fr: T } }', "'fr' is not one of"],
    [
      'missing label',
      '  - { id: t, type: single_choice, prompt: T, options: [{ value: a }] }',
      "missing field 'label'",
    ],
    [
      'empty label',
      '  - { id: t, type: single_choice, prompt: T, options: [{ value: a, label: { en: "" } }] }',
      'no text',
    ],
    [
      'double option',
      '  - { id: t, type: multi_choice, prompt: T, options: [{ value: a, label: A }, { value: a, label: B }] }',
      'twice',
    ],
    ['no options', '  - { id: t, type: single_choice, prompt: T }', "needs 'options'"],
    [
      'options of a text',
      '  - { id: t, type: text, prompt: T, options: [{ value: a, label: A }] }',
      "has no 'options'",
    ],
    [
      'unquoted number as value',
      '  - { id: t, type: single_choice, prompt: T, options: [{ value: 1, label: A }] }',
      'quote it',
    ],
    ['min above max', '  - { id: t, type: number, prompt: T, min: 5, max: 4 }', 'min 5 is above max 4'],
    ['limit of the wrong kind', '  - { id: t, type: date, prompt: T, min: 2026-02-30 }', 'day of the calendar'],
    ['limit where none belongs', '  - { id: t, type: boolean, prompt: T, max: 3 }', 'does not belong'],
    ['pattern that does not compile', "  - { id: t, type: text, prompt: T, pattern: '[a' }", 'does not compile'],
    ['nested quantifier', "  - { id: t, type: text, prompt: T, pattern: '(a+)+b' }", 'backtrack without end'],
    ['repeated alternation', "  - { id: t, type: text, prompt: T, pattern: '(a|aa)*b' }", 'backtrack without end'],
    ['backreference', "  - { id: t, type: text, prompt: T, pattern: '(a)\\1' }", 'backreference'],
    ['named backreference', "  - { id: t, type: text, prompt: T, pattern: '(?<x>a)\\k<x>' }", 'backreference'],
    [
      'too many repetitions',
      "  - { id: t, type: text, prompt: T, pattern: '\\w*\\w*\\w*\\w*x' }",
      'too many repetitions',
    ],
    ['long pattern', `  - { id: t, type: text, prompt: T, pattern: '${'a'.repeat(201)}' }`, 'longer than 200'],
    ['pattern of a number', "  - { id: t, type: number, prompt: T, pattern: 'a' }", 'only a text question'],
    ['bad expression', "  - { id: t, type: text, prompt: T, when: kind = 'a' }", "equality is '=='"],
    ['unknown name', '  - { id: t, type: text, prompt: T, when: answered(knd) }', "unknown question 'knd'"],
    [
      'unknown option',
      "  - { id: t, type: text, prompt: T, when: \"kind in ['a', 'c']\" }",
      "'c' is not an option of 'kind'",
    ],
    [
      'unknown option, other way round',
      '  - { id: t, type: text, prompt: T, when: "\'c\' == kind" }',
      "'c' is not an option",
    ],
    ['text against a boolean', "  - { id: t, type: text, prompt: T, when: sure == 'yes' }", 'cannot be compared'],
    [
      'contains of a single choice',
      "  - { id: t, type: text, prompt: T, when: kind contains 'a' }",
      "cannot be used with 'contains'",
    ],
    ['hours of a choice', '  - { id: t, type: text, prompt: T, when: hours(kind) > 1 }', 'takes a time_range'],
    ['field of a choice', "  - { id: t, type: text, prompt: T, when: kind.start == '09:00' }", "no field 'start'"],
    ['itself', '  - { id: t, type: text, prompt: T, when: t == 1 }', "cycle: 't' depends on itself"],
    ['unreachable', "  - { id: t, type: text, prompt: T, when: kind == 'a' and kind == 'b' }", 'can never be asked'],
    [
      'unreachable through another',
      "  - { id: t, type: text, prompt: T, when: kind == 'b' and sure == true }",
      'can never be asked',
    ],
    [
      'unreachable by its nature',
      '  - { id: t, type: text, prompt: T, when: not answered(kind) }',
      'can never be asked',
    ],
    ['a choice that is no truth', '  - { id: t, type: text, prompt: T, when: kind }', 'can never be asked'],
  ])('%s', (_title, question, reason) => {
    const found = mistakes(`${head}${question}`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(reason);
    expect(found[0]).toMatch(new RegExp(`^${next}:\\d+ /questions/2`));
  });

  test('the column of a mistake in an expression is where it stands in the file', () => {
    const question = (when: string): string => `${head}  - id: t\n    type: text\n    prompt: T\n    when: ${when}`;
    expect(mistakes(question("kind = 'a'"))[0]).toMatch(new RegExp(`^${next + 3}:16 `));
    expect(mistakes(question('"kind == \'a\' and knd"'))[0]).toMatch(new RegExp(`^${next + 3}:28 `));
    expect(mistakes(question("'kind == ''a'' and knd'"))[0]).toMatch(new RegExp(`^${next + 3}:30 `));
    expect(mistakes(question(">\n      kind == 'a'\n      and knd"))[0]).toMatch(new RegExp(`^${next + 5}:11 `));
    expect(mistakes(question("|\n      kind == 'a'\n\n      and knd"))[0]).toMatch(new RegExp(`^${next + 6}:11 `));
  });

  test('a name from further down is refused, and a ring of conditions is called a cycle', () => {
    const forward = mistakes(
      `${head}  - { id: t, type: boolean, prompt: T, when: u == true }\n  - { id: u, type: boolean, prompt: U }`,
    );
    expect(forward).toHaveLength(1);
    expect(forward[0]).toContain("'u' is asked after 't'");
    const first = '  - { id: t, type: boolean, prompt: T, when: u == true }';
    const ring = mistakes(`${head}${first}\n  - { id: u, type: boolean, prompt: U, when: t == true }`);
    expect(ring.filter((line) => line.includes('cycle: t → u → t'))).toHaveLength(1);
  });

  test('numbers and texts are thought possible unless their limits say otherwise', () => {
    const number = '  - { id: n, type: number, integer: true, min: 1, max: 10, prompt: N }\n';
    const when = (condition: string): readonly string[] =>
      mistakes(`${head}${number}  - { id: t, type: text, prompt: T, when: "${condition}" }`);
    for (const fine of ['n == 10', 'n > 9', 'n < 2', 'n * 2 == 14', "n > 3 and kind == 'a'", 'not n == 3']) {
      expect(when(fine)).toEqual([]);
    }
    for (const never of ['n > 10', 'n < 1', 'n == 2.5', '10 < n', "n > 10 or (kind == 'b' and answered(sure))"]) {
      expect(when(never)).toEqual([expect.stringContaining('can never be asked')]);
    }
  });

  test.each<[string, string, string]>([
    ['unknown target type', 'target: { type: unit, key: kind }', "unknown target type 'unit'"],
    [
      'unknown field',
      'target: { type: type_assist, key: kind }, values: { code: kind, label: kind, category: kind, x: 1 }',
      "no field 'x'",
    ],
    [
      'missing field',
      'target: { type: type_assist, key: kind }, values: { code: kind, label: kind }',
      'category is missing',
    ],
    [
      'bad literal',
      'target: { type: type_assist, key: kind }, values: { code: 5, label: kind, category: kind }',
      'code must be a text',
    ],
    [
      'unknown answer',
      'target: { type: type_assist, key: knd }, values: { code: kind, label: kind, category: kind }',
      "unknown question 'knd'",
    ],
    [
      'bad expression',
      'target: { type: type_assist, key: kind }, values: { code: kind +, label: kind, category: kind }',
      'bad expression',
    ],
    [
      'values of a deletion',
      'operation: delete, target: { type: type_assist, key: kind }, values: { code: kind }',
      'a deletion has no values',
    ],
    [
      'unknown dependency',
      'operation: delete, target: { type: shift, key: kind }, depends_on: [s]',
      "'s' is not a recommendation above",
    ],
    [
      'impossible',
      "operation: delete, target: { type: shift, key: kind }, when: kind == 'a' and kind == 'b'",
      'can never be proposed',
    ],
  ])('a recommendation with %s', (_title, body, reason) => {
    const found = mistakes(`${head}recommendations:\n  - { id: r, confidence: 0.5, rationale: R, ${body} }`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(reason);
    expect(found[0]).toMatch(new RegExp(`^${next + 1}:\\d+ /recommendations/0`));
  });

  test('all mistakes of a file come at once, in the order of the file', () => {
    const found = mistakes(`id: Bad Id
version: 0
default_language: fr
languages: [en, EN]
title: ''
colour: red
questions:
  - { id: a, type: text }
  - { id: a, type: number, prompt: { en: x }, min: 3, max: 1, when: 'nope ==' }
recommendations:
  - { id: r, target: { type: shift, key: zzz }, confidence: 2, rationale: R }
`);
    expect(found.map((line) => Number(line.split(':')[0]))).toEqual(
      found.map((line) => Number(line.split(':')[0])).toSorted((a, b) => a - b),
    );
    for (const reason of [
      "'id' must be",
      "'version' must be",
      "'fr' is not one",
      'twice',
      'colour',
      "'prompt'",
      'min 3',
      'bad expression',
      "'confidence' must be",
    ]) {
      expect(found.some((line) => line.includes(reason))).toBe(true);
    }
  });

  // A mistake of the shape, one below it in the same question, and both in one: exactly those two are reported.
  const shapes: readonly (readonly [field: string, reason: string])[] = [
    ['colour: red', "unknown field 'colour'"],
    ['required: 1', "'required' must be true or false"],
    ['pii: no one', "'pii' must be true or false"],
    ['group: ""', "'group' must not be empty"],
    ['help: 5', "'help' must be a text"],
    ['retry_text: { en: 5 }', "'retry_text' must be a text"],
  ];
  const below: readonly (readonly [field: string, reason: string])[] = [
    ['prompt: ""', "'prompt' is empty"],
    ['prompt: { hi: ट }', "no text in the default language 'en'"],
    ['prompt: { en: T, fr: T }', "'fr' is not one of"],
    ['prompt: T, min: 5, max: 2', 'min 5 is above max 2'],
    ['prompt: T, min: 2026-03-29', 'whole number of characters'],
    ["prompt: T, pattern: '(a+)+'", 'pattern'],
    ['prompt: T, integer: true', "only a number question has 'integer'"],
    ['prompt: T, options: [{ value: a, label: A }]', "a text question has no 'options'"],
    ["prompt: T, when: kind == 'c'", "'c' is not an option of 'kind'"],
    ['prompt: T, when: nope', "unknown question 'nope'"],
    ['prompt: T, when: later == 1', 'is asked after'],
    ["prompt: T, when: 'kind =='", 'bad expression'],
  ];
  test.each(below)('what is wrong below a malformed question comes together with it: %s', (deeper, why) => {
    const single = mistakes(`${head}  - { id: t, type: text, ${deeper} }\n  - { id: later, type: number, prompt: L }`);
    expect(single).toEqual([expect.stringContaining(why)]);
    for (const [shape, reason] of shapes) {
      const found = mistakes(`${head}  - { id: t, type: text, ${deeper}, ${shape} }\n  - { id: later, type: number, prompt: L }`);
      expect([shape, found.length, found.filter((line) => line.includes(why)), found.filter((line) => line.includes(reason)).length])
        .toEqual([shape, 2, single, 1]);
    }
  });

  test.each<[string, string, readonly string[]]>([
    ['the type', '{ id: t, type: txt, min: x, integer: true, prompt: "", options: [{ value: a, label: "" }, { value: a, label: A }] }',
      ["'type' must be one of", "'prompt' is empty", "'label' is empty", "option 'a' is there twice"]],
    [
      'the id', "{ id: T-1, type: text, prompt: '', when: later == 1 }",
      ["'id' must be", "'prompt' is empty", "'later' is asked after 'T-1'"],
    ],
    [
      'a missing id', "{ type: text, prompt: '', when: later == 1 }",
      ["missing field 'id'", "'prompt' is empty", "'later' is asked after this question"],
    ],
    ['one option of several', '{ id: t, type: single_choice, prompt: "", options: [{ value: "?", label: A }, { value: b, label: 5 }, 7, ' +
      '{ value: c, label: "", hint: x }, { value: c, label: { fr: C } }] }',
      [
        "'prompt' is empty", "'value' must be letters", "'label' must be a text", "'2' must be a map", "'label' is empty",
        "unknown field 'hint'", "option 'c' is there twice", "no text in the default", "'fr' is not one of",
      ]],
    [
      'a limit', '{ id: t, type: number, prompt: T, min: [1], max: 2026-03-29 }',
      ["'min' must be a number, or a date", "'max' must be a number"],
    ],
    [
      'options that are no list', '{ id: t, type: multi_choice, prompt: "", options: 5, max: 900 }',
      ["'options' must be a list", "'prompt' is empty"],
    ],
    ['a text in one language', '{ id: t, type: text, prompt: { en: 5, fr: T } }', ["'prompt' must be a text", "'fr' is not one of"]],
  ])('with %s malformed nothing else of the question is hidden, and nothing right is called wrong', (_, question, reasons) => {
    const found = mistakes(`${head}  - ${question}\n  - { id: later, type: number, prompt: L, when: t == 'zzz' }`)
      // a question without a readable id is not there for others
      .filter((line) => !line.includes("unknown question 't'"));
    for (const reason of reasons) expect([reason, found.filter((line) => line.includes(reason)).length]).toEqual([reason, 1]);
    expect(found).toHaveLength(reasons.length);
  });

  test('a rule with a malformed field hides no other mistake of its own, and rules below may depend on it', () => {
    const found = mistakes(`${head}recommendations:
  - { id: r, target: { type: nowhere, key: 5 }, confidence: high, rationale: '', when: nope, depends_on: [5, gone], always: 1 }
  - { id: s, target: { type: shift, key: kind }, operation: move, confidence: 1, rationale: S, depends_on: [r],
      values: { name: [x], colour: "zzz" } }
  - 7
`);
    const reasons = [
      "unknown target type 'nowhere'", "'key' must be a text", "'confidence' must be", "'rationale' is empty", "unknown question 'nope'",
      "'0' must be a text", "'gone' is not a recommendation above", "'always' must be", "'operation' must be one of",
      "'name' must be an expression", "unknown question 'zzz'", "'2' must be a map",
    ];
    for (const reason of reasons) expect([reason, found.filter((line) => line.includes(reason)).length]).toEqual([reason, 1]);
    expect(found).toHaveLength(reasons.length);
  });

  test('a malformed header hides no mistake in its texts', () => {
    const found = mistakes(head.replace('version: 1', 'version: one').replace('title: Tiny', "title: { en: '', fr: T }"));
    expect(found).toEqual([
      expect.stringContaining("'version'"), expect.stringContaining("no text in the default language 'en'"),
      expect.stringContaining("'fr' is not one of"),
    ]);
  });

  test('rules that a session could not carry are refused with their size, long before an author would need as many', () => {
    const options = Array.from({ length: 200 }, (_, at) => ({ value: `${'option'.repeat(9)}${at}`, label: 'x' }));
    const choices = (count: number): string => JSON.stringify({
      id: 'large', version: 1, default_language: 'en', languages: ['en'], title: 'Large',
      questions: Array.from({ length: count }, (_, at) => ({ id: `q${at}`, type: 'single_choice', prompt: 'Which?', options })),
    });
    expect(mistakes(choices(19))).toEqual([]);
    expect(mistakes(choices(25))).toEqual([expect.stringContaining('at most 262144 are allowed')]);
  });

  test('more than 200 questions are too many; 200 are not', () => {
    const many = (count: number): string =>
      `${head}${Array.from({ length: count - 2 }, (_, at) => `  - { id: q${at}, type: text, prompt: Q }\n`).join('')}`;
    expect(mistakes(many(200))).toEqual([]);
    expect(mistakes(many(201))).toEqual([expect.stringContaining('at most 200')]);
  });

  test('broken YAML is a mistake with its line; a double key hides no other mistake', () => {
    expect(mistakes(`${head}  - { id: t, type: [`)[0]).toMatch(/^\d+:\d+ {2}YAML/);
    const double = mistakes(`${head}  - { id: t, type: text, prompt: T, prompt: U, colour: red }`);
    expect(double).toHaveLength(2);
    expect(double[0]).toContain('unique');
    for (const source of [
      '',
      'just a text',
      '[]',
      'null',
      '- 1',
      '&a [*a]',
      '!!js/function x',
      'a: *b',
      '---\n---\n',
    ]) {
      expect(mistakes(source).length).toBeGreaterThan(0);
    }
  });

  test('whatever the text, loading answers with a flow or with mistakes inside the file', () => {
    const lines = shipped.split('\n');
    const damaged = fc
      .tuple(fc.nat(lines.length - 1), fc.string({ unit: 'grapheme', maxLength: 12 }))
      .map(([at, instead]) => [...lines.slice(0, at), instead, ...lines.slice(at + 1)].join('\n'));
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string()), (source) => {
        const load = loadFlow(source, 'x');
        if ('flow' in load) return;
        expect(load.problems.length).toBeGreaterThan(0);
        const count = source.split('\n').length;
        for (const { line, column, reason } of load.problems) {
          expect(line >= 1 && line <= count && column >= 1 && reason !== '').toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('folders', () => {
  test('the shipped flows load', async () => {
    const flows = await loadFlowFolder(flowsFolder);
    expect(flows.map(({ id }) => id)).toContain('business_unit_setup');
  });

  test('the mistakes of all files come in one error, each as file:line:column: reason', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flows-'));
    try {
      await writeFile(join(folder, 'a.yaml'), head.replace('kind ==', 'knd =='));
      await writeFile(join(folder, 'b.yaml'), head.replace('version: 1', 'version: x'));
      await writeFile(join(folder, 'c.yaml'), head);
      await writeFile(join(folder, 'd.yaml'), head);
      await writeFile(join(folder, 'notes.txt'), 'no flow');
      const error: unknown = await loadFlowFolder(folder).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(FlowFilesError);
      const message = error instanceof Error ? error.message : '';
      expect(message.split('\n')).toHaveLength(3);
      expect(message).toMatch(/a\.yaml:13:\d+: unknown question 'knd'/);
      expect(message).toMatch(/b\.yaml:2:10: 'version' must be/);
      expect(message).toMatch(/d\.yaml:1:1: flow 'tiny' version 1 is in another file/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe.each(await loadFlowFolder(flowsFolder))('the shipped flow $id', (flow) => {
  test('every text is there in English and in Hindi', () => {
    const { en, hi } = flow.texts;
    const flat = (value: unknown): readonly unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value).flatMap(flat) : [value];
    expect(flat(hi)).toHaveLength(flat(en).length);
    expect(flat(hi).every((text) => typeof text === 'string' && /[\u0900-\u097f]/.test(text))).toBe(true);
    expect(flat(en).every((text) => typeof text === 'string' && /[A-Za-z]/.test(text))).toBe(true);
    expect(flow.recommendations.every((rule) => rationaleText(flow, 'hi', rule.id) !== '')).toBe(true);
  });

  test('every wire question has exactly the keys of the contract', () => {
    for (const rule of flow.rules.questions) {
      const wire = wireQuestion(flow, 'hi', rule);
      expect(Object.keys(wire).toSorted()).toEqual([
        'group',
        'help',
        'id',
        'max',
        'min',
        'options',
        'pattern',
        'prompt',
        'required',
        'type',
      ]);
      expect(wire.options.map(({ value }) => value)).toEqual(rule.options);
    }
  });

  test('a shown label is read as its option in every language', () => {
    for (const rule of flow.rules.questions) {
      const labels = labelsByLanguage(flow, rule.id);
      for (const language of flow.languages) {
        for (const [value, label] of Object.entries(labels[language] ?? {})) {
          const expected = rule.type === 'multi_choice' ? [value] : value;
          expect(readText(rule, labels, label, language)).toEqual({ value: expected });
        }
      }
    }
  });
});

describe('business_unit_setup', () => {
  const flow = loaded(shipped);

  function answerTo(rule: QuestionRule): fc.Arbitrary<Json> {
    const value: Readonly<Record<string, fc.Arbitrary<Json>>> = {
      text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
      number: rule.integer === true
        ? fc.integer({ min: Number(rule.min), max: Number(rule.max) })
        : fc.double({ min: 10, max: 1000 }),
      boolean: fc.boolean(),
      single_choice: rule.options.length === 0 ? fc.constant(null) : fc.constantFrom(...rule.options),
      date: fc.constantFrom('2026-03-29', '2024-02-29'),
      time_range: fc
        .tuple(fc.nat(1439), fc.nat(1439))
        .filter(([start, end]) => start !== end)
        .map(([start, end]) => ({ start: time(start), end: time(end) })),
      email: fc.constant('ana@example.com'),
    };
    const right = (value[rule.type] ?? fc.constant(null)).filter((answer) => validateAnswer(rule, answer).ok);
    return rule.required ? right : fc.option(right, { nil: null });
  }

  function time(minutes: number): string {
    return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  }

  const answers = fc
    .record(Object.fromEntries(flow.rules.questions.map((rule) => [rule.id, answerTo(rule)])))
    .map((all) => all as Readonly<Record<string, Json>>);
  const id = (ruleId: string): string => ruleId;

  test('asks its eleven questions in order, the dependent ones only when they apply', () => {
    const always = [
      'setup_urgency',
      'business_unit_type',
      'business_unit_name',
      'expected_users',
      'operating_hours',
      'security_level',
    ];
    const day = { start: '09:00', end: '17:00' };
    const ids = (given: Readonly<Record<string, Json>>): readonly string[] =>
      applicable(flow.rules, given).map((rule) => rule.id);
    expect(ids({ setup_urgency: 'immediate', operating_hours: day, security_level: 'basic' })).toEqual([
      ...always,
      'contact_email',
    ]);
    const full = { setup_urgency: 'planned', operating_hours: day, security_level: 'high', gps_tracking: true };
    expect(ids(full)).toEqual(flow.rules.questions.map((rule) => rule.id));
    expect(flow.rules.questions).toHaveLength(11);
    const night = { operating_hours: { start: '22:00', end: '06:00' }, security_level: 'basic' };
    expect(ids(night)).toContain('sleeping_guard_check');
  });

  test('it is kept small in a workflow: the rules take less than 4 KB', () => {
    expect(JSON.stringify(flow.rules).length).toBeLessThan(4096);
  });

  test('any answers give 5 to 8 changes, all of which their targets allow, with every person on a shift once', () => {
    fc.assert(
      fc.property(answers, (given) => {
        const proposed = propose(flow, given, () => null, { id });
        expect(proposed.length).toBeGreaterThanOrEqual(5);
        expect(proposed.length).toBeLessThanOrEqual(8);
        for (const { target_type, after } of proposed) expect(checkTargetValues(target_type, after ?? {})).toEqual([]);
        const shifts = proposed.filter(({ target_type }) => target_type === 'shift').map(({ after }) => after ?? {});
        const heads = shifts.map((shift) => Number(shift['headcount']));
        expect(heads.reduce((sum, head) => sum + head, 0)).toBe(given['expected_users']);
        const hours = given['operating_hours'] as { start: string; end: string };
        expect(shifts[0]?.['starts_at']).toBe(hours.start);
        expect(shifts.at(-1)?.['ends_at']).toBe(hours.end);
        const starts = shifts.slice(1).map((shift) => shift['starts_at']);
        expect(starts).toEqual(shifts.slice(0, -1).map((shift) => shift['ends_at']));
      }),
      { numRuns: 500 },
    );
  });

  test('a day of eight hours makes five changes, so its risk stays low', () => {
    const given = {
      setup_urgency: 'immediate',
      business_unit_type: 'office',
      business_unit_name: 'Pune Office',
      expected_users: 12,
      operating_hours: { start: '09:00', end: '17:00' },
      security_level: 'basic',
      contact_email: null,
    };
    expect(propose(flow, given, () => null, { id })).toHaveLength(5);
  });

  test('once applied, the same answers propose nothing but the unit itself for confirmation, and other answers never leave a shift of ' +
    'before behind', () => {
    fc.assert(
      fc.property(answers, answers, (first, second) => {
        const there = new Map<string, TargetValues>();
        const apply = (given: Readonly<Record<string, Json>>): number => {
          const changes = propose(flow, given, ({ type, key }) => there.get(`${type}:${key}`) ?? null, { id });
          for (const { target, after } of changes) {
            if (after === null) there.delete(target);
            else there.set(target, after);
          }
          return changes.length;
        };
        apply(first);
        expect(apply(first)).toBe(1);
        const renamed = { ...second, business_unit_name: first['business_unit_name'] ?? null };
        expect(apply(renamed)).toBeLessThanOrEqual(10);
        const kept = [...there].filter(([target]) => target.startsWith('shift:')).map(([, shift]) => shift);
        const heads = kept.reduce((sum, shift) => sum + Number(shift['headcount']), 0);
        expect(heads).toBe(second['expected_users']);
      }),
      { numRuns: 300 },
    );
  });
});
