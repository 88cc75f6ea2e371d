import { describe, expect, test } from '@jest/globals';
import { parseExpression } from './expression.ts';
import type { Flow, RecommendationRule } from './flow.ts';
import { checkTargetValues, propose, targetSchemas } from './recommendation.ts';
import type { Target, TargetValues } from './recommendation.ts';

function expression(source: string): ReturnType<typeof parseExpression>['expression'] {
  return parseExpression(source).expression;
}

function recommendation(id: string, more: Partial<RecommendationRule> = {}): RecommendationRule {
  return {
    id,
    when: null,
    target: { type: 'type_assist', key: expression('slug(name)') },
    operation: 'upsert',
    values: { code: expression("'A'"), label: expression('name'), category: expression('kind') },
    always: false,
    confidence: 0.8,
    depends_on: [],
    ...more,
  };
}

function flow(...recommendations: RecommendationRule[]): Flow {
  const plain = {
    type: 'text',
    required: true,
    pii: false,
    when: null,
    options: [],
    min: 1,
    max: 200,
    pattern: null,
    integer: false,
  } as const;
  const questions = [
    { ...plain, id: 'name' },
    { ...plain, id: 'kind', required: false },
    { ...plain, id: 'extra', when: expression("kind == 'x'") },
  ];
  const rationales = Object.fromEntries(recommendations.map(({ id }) => [id, `Because of ${id}.`]));
  return {
    id: 'f',
    version: 1,
    default_language: 'en',
    languages: ['en', 'hi'],
    rules: { id: 'f', version: 1, questions },
    recommendations,
    texts: {
      en: { title: 'F', description: '', questions: {}, rationales },
      hi: { title: '', description: '', questions: {}, rationales: { one: 'क्योंकि', two: '' } },
    },
  };
}

const id = (ruleId: string): string => `id-${ruleId}`;
const nothing = (): null => null;
const answers = { name: 'Pune Office', kind: 'x' };

describe('propose', () => {
  test('nothing there makes a create, something else an update, the same nothing', () => {
    const values = { code: 'A', label: 'Pune Office', category: 'x' };
    const one = flow(recommendation('one'));
    expect(propose(one, answers, nothing, { id })).toEqual([
      {
        recommendation_id: 'id-one',
        rule_id: 'one',
        target: 'type_assist:pune-office',
        target_type: 'type_assist',
        target_key: 'pune-office',
        operation: 'create',
        before: null,
        after: values,
        confidence: 0.8,
        rationale: 'Because of one.',
        depends_on: [],
        status: 'pending',
      },
    ]);
    const before = { ...values, label: 'Old' };
    expect(propose(one, answers, () => before, { id })).toMatchObject([{ operation: 'update', before, after: values }]);
    const same = { category: 'x', label: 'Pune Office', code: 'A' };
    expect(propose(one, answers, () => same, { id })).toEqual([]);
  });

  test('a deletion needs something to delete', () => {
    const gone = flow(recommendation('one', { operation: 'delete', values: {} }));
    const before = { code: 'A' };
    expect(propose(gone, answers, nothing, { id })).toEqual([]);
    expect(propose(gone, answers, () => before, { id })).toMatchObject([{ operation: 'delete', before, after: null }]);
  });

  test('dependencies are ids of the same proposal; one that is not proposed is no dependency', () => {
    const other = { target: { type: 'type_assist', key: expression("'other'") } };
    const two = flow(recommendation('one'), recommendation('two', { ...other, depends_on: ['one'] }));
    expect(propose(two, answers, nothing, { id })[1]?.depends_on).toEqual(['id-one']);
    const same = { code: 'A', label: 'Pune Office', category: 'x' };
    const existing = ({ key }: Target): TargetValues | null => (key === 'other' ? null : same);
    expect(propose(two, answers, existing, { id })).toMatchObject([{ rule_id: 'two', depends_on: [] }]);
  });

  test('of two rules for one target the first counts, and a rule without a key proposes nothing', () => {
    const second = recommendation('two', { confidence: 0.1 });
    expect(propose(flow(recommendation('one'), second), answers, nothing, { id })).toMatchObject([{ rule_id: 'one' }]);
    expect(propose(flow(recommendation('one')), {}, nothing, { id })).toEqual([]);
  });

  test('the answer to a question that no longer applies is not looked at', () => {
    const rule = recommendation('one', { when: expression('answered(extra)') });
    expect(propose(flow(rule), { ...answers, extra: 'y' }, nothing, { id })).toHaveLength(1);
    expect(propose(flow(rule), { name: 'n', kind: 'z', extra: 'y' }, nothing, { id })).toEqual([]);
  });

  test('a rationale is in the language asked for, else in the default one', () => {
    const other = { target: { type: 'type_assist', key: expression("'other'") } };
    const both = propose(flow(recommendation('one'), recommendation('two', other)), answers, nothing, {
      id,
      language: 'hi',
    });
    expect(both.map(({ rationale }) => rationale)).toEqual(['क्योंकि', 'Because of two.']);
  });
});

describe('checkTargetValues', () => {
  const shift = { name: 'Shift 1', starts_at: '09:00', ends_at: '17:00', headcount: 3 };
  const unit = { name: 'P', type: 'office', expected_users: 3, opens_at: '09:00', closes_at: '17:00' };
  const security = { level: 'high', gps_tracking: true, permissible_distance_m: 100, sleeping_guard_check: false };

  test('right values have no problems', () => {
    expect(checkTargetValues('shift', shift)).toEqual([]);
    expect(checkTargetValues('business_unit', { ...unit, contact_email: 'a@b.co', go_live_on: '2026-03-29' })).toEqual(
      [],
    );
    expect(checkTargetValues('security_setting', security)).toEqual([]);
    expect(checkTargetValues('type_assist', { code: 'A', label: 'B', category: 'C' })).toEqual([]);
  });

  test.each<[string, Readonly<Record<string, unknown>>, string, string]>([
    ['shift', { ...shift, headcount: 0 }, 'headcount', 'too_small'],
    ['shift', { ...shift, headcount: 1.5 }, 'headcount', 'wrong_type'],
    ['shift', { ...shift, headcount: '3' }, 'headcount', 'wrong_type'],
    ['shift', { ...shift, starts_at: '9:00' }, 'starts_at', 'malformed_time'],
    ['shift', { ...shift, name: '' }, 'name', 'too_short'],
    ['shift', { ...shift, name: 'a\u0000' }, 'name', 'malformed_text'],
    ['shift', { ...shift, name: null }, 'name', 'required'],
    ['shift', { ...shift, nom: 'x' }, 'nom', 'unknown_field'],
    ['business_unit', { ...unit, expected_users: 1001 }, 'expected_users', 'too_large'],
    ['business_unit', { ...unit, contact_email: 'x' }, 'contact_email', 'malformed_email'],
    ['business_unit', { ...unit, go_live_on: '2026-02-30' }, 'go_live_on', 'malformed_date'],
    ['security_setting', { ...security, level: 'huge' }, 'level', 'not_an_option'],
    ['security_setting', { ...security, permissible_distance_m: 9 }, 'permissible_distance_m', 'too_small'],
    ['security_setting', { ...security, gps_tracking: 'yes' }, 'gps_tracking', 'wrong_type'],
    ['constructor', {}, '', 'unknown_target'],
  ])('%s %j: %s %s', (type, values, field, code) => {
    expect(checkTargetValues(type, values).map((problem) => [problem.field, problem.code])).toEqual([[field, code]]);
  });

  test('every problem is reported at once', () => {
    expect(checkTargetValues('business_unit', { x: 1 })).toHaveLength(6);
    expect(Object.keys(targetSchemas)).toHaveLength(4);
  });
});
