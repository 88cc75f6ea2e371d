import { codePoints, isDate, isEmail, isTime } from './answer.ts';
import { sameValue, type Json } from './json.ts';
import { evaluate } from './expression.ts';
import type { Answers, Expression } from './expression.ts';
import { rationaleText, answersThatApply } from './flow.ts';
import type { Flow, RecommendationRule } from './flow.ts';

export interface TargetField {
  /** time: `HH:MM`; date: `YYYY-MM-DD`. */
  readonly type: 'string' | 'number' | 'boolean' | 'time' | 'date';
  readonly required: boolean;
  /** string: code points; number: the value. */
  readonly min?: number;
  readonly max?: number;
  /** number only: whole numbers. */
  readonly integer?: true;
  /** string only: the only values. */
  readonly values?: readonly string[];
  /** string only. */
  readonly format?: 'email';
}
export type TargetSchema = Readonly<Record<string, TargetField>>;
export type TargetType = 'business_unit' | 'shift' | 'type_assist' | 'security_setting';
export type TargetValues = Readonly<Record<string, Json>>;
export type TargetProblemCode =
  | 'unknown_target' | 'unknown_field' | 'required' | 'wrong_type' | 'too_small' | 'too_large' | 'too_short'
  | 'too_long' | 'not_an_option' | 'malformed_text' | 'malformed_date' | 'malformed_time' | 'malformed_email';
/** `field` is '' when the whole target is wrong. */
export interface TargetProblem { readonly field: string; readonly code: TargetProblemCode; readonly message: string }
export interface Target { readonly type: TargetType; readonly key: string }

export interface Recommendation {
  readonly recommendation_id: string;
  readonly rule_id: string;
  /** `type:key` */
  readonly target: string;
  readonly target_type: string;
  readonly target_key: string;
  readonly operation: 'create' | 'update' | 'delete';
  /** What is there now; null for create. */
  readonly before: TargetValues | null;
  /** All that will be there; a field left out will be gone. Null for delete. */
  readonly after: TargetValues | null;
  /** 0..1 */
  readonly confidence: number;
  readonly rationale: string;
  /** recommendation_ids of this same proposal that must be applied first. */
  readonly depends_on: readonly string[];
  readonly status: 'pending';
}

export interface ProposeOptions {
  /** The id of the recommendation that a rule makes. Called once per recommendation, in the order of the flow. */
  readonly id: (ruleId: string) => string;
  /** Language of the rationales; the flow's default if absent. */
  readonly language?: string;
}

const name: TargetField = { type: 'string', required: true, min: 1, max: 200 };

/** What each kind of target may hold: read by the loader, by modifications of an approver and by the store. */
export const targetSchemas: Readonly<Record<TargetType, TargetSchema>> = {
  business_unit: {
    name,
    type: { type: 'string', required: true, min: 1, max: 64 },
    expected_users: { type: 'number', required: true, min: 1, max: 1000, integer: true },
    opens_at: { type: 'time', required: true },
    closes_at: { type: 'time', required: true },
    contact_email: { type: 'string', required: false, format: 'email' },
    go_live_on: { type: 'date', required: false },
  },
  shift: {
    name,
    starts_at: { type: 'time', required: true },
    ends_at: { type: 'time', required: true },
    headcount: { type: 'number', required: true, min: 1, max: 1000, integer: true },
  },
  type_assist: {
    code: { type: 'string', required: true, min: 1, max: 64 },
    label: name,
    category: { type: 'string', required: true, min: 1, max: 64 },
  },
  security_setting: {
    level: { type: 'string', required: true, values: ['basic', 'standard', 'high'] },
    gps_tracking: { type: 'boolean', required: true },
    permissible_distance_m: { type: 'number', required: false, min: 10, max: 1000 },
    sleeping_guard_check: { type: 'boolean', required: true },
  },
};

export function isTargetType(type: string): type is TargetType {
  return Object.hasOwn(targetSchemas, type);
}

/** Every problem that `values` has as the whole content of a target; [] when they may be stored. Total. */
export function checkTargetValues(type: string, values: Readonly<Record<string, unknown>>): readonly TargetProblem[] {
  if (!isTargetType(type)) {
    return [{ field: '', code: 'unknown_target', message: `There is no target type '${type}'.` }];
  }
  const schema = targetSchemas[type];
  const unknownFields = Object.keys(values).filter((field) => !Object.hasOwn(schema, field));
  return [
    ...unknownFields.map((field): TargetProblem => ({
      field,
      code: 'unknown_field',
      message: `A ${type} has no field '${field}'; it has ${Object.keys(schema).join(', ')}.`,
    })),
    ...Object.entries(schema).flatMap(([field, rule]) => {
      const mistake = fieldMistake(rule, Object.hasOwn(values, field) ? values[field] : null);
      return mistake === null ? [] : [{ field, code: mistake[0], message: `${field} ${mistake[1]}.` }];
    }),
  ];
}

/**
 * What the flow's rules propose for these answers, in the order of the flow. Upserts become `create` when nothing
 * exists, `update` when something else does, and nothing when it is equal (unless the rule is `always`); a deletion of nothing is
 * nothing. A
 * rule whose key comes out empty proposes nothing, and of two rules for one target the first counts.
 * @param existing what a target holds now; null when it does not exist.
 */
export function propose(
  flow: Flow,
  answers: Answers,
  existing: (target: Target) => TargetValues | null,
  options: ProposeOptions,
): readonly Recommendation[] {
  const applying = answersThatApply(flow.rules, answers);
  const proposed: Recommendation[] = [];
  for (const rule of flow.recommendations) {
    if (rule.when !== null && evaluate(rule.when, applying) !== true) continue;
    const target = targetOf(rule, applying);
    if (target === null || proposed.some((other) => other.target === `${target.type}:${target.key}`)) continue;
    const change = changeOf(rule, applying, existing(target));
    if (change === null) continue;
    proposed.push({
      recommendation_id: options.id(rule.id),
      rule_id: rule.id,
      target: `${target.type}:${target.key}`,
      target_type: target.type,
      target_key: target.key,
      ...change,
      confidence: rule.confidence,
      rationale: rationaleText(flow, options.language ?? flow.default_language, rule.id),
      depends_on: proposed
        .filter((other) => rule.depends_on.includes(other.rule_id))
        .map((other) => other.recommendation_id),
      status: 'pending',
    });
  }
  return proposed;
}

type Effect = Pick<Recommendation, 'operation' | 'before' | 'after'>;

function changeOf(rule: RecommendationRule, applying: Answers, before: TargetValues | null): Effect | null {
  if (rule.operation === 'delete') return before === null ? null : { operation: 'delete', before, after: null };
  const after = valuesOf(rule.values, applying);
  if (before === null) return { operation: 'create', before, after };
  return sameValue(before, after) && !rule.always ? null : { operation: 'update', before, after };
}

function targetOf(rule: RecommendationRule, applying: Answers): Target | null {
  const key = evaluate(rule.target.key, applying);
  if (!isTargetType(rule.target.type) || typeof key !== 'string' || key === '') return null;
  return { type: rule.target.type, key };
}

function valuesOf(expressions: Readonly<Record<string, Expression>>, applying: Answers): TargetValues {
  return Object.fromEntries(
    Object.entries(expressions)
      .map(([field, expression]) => [field, evaluate(expression, applying)] as const)
      .filter(([, value]) => value !== null),
  );
}

type Mistake = readonly [code: TargetProblemCode, message: string];

function fieldMistake(rule: TargetField, value: unknown): Mistake | null {
  if (value === null || value === undefined) return rule.required ? ['required', 'is missing'] : null;
  switch (rule.type) {
    case 'boolean':
      return typeof value === 'boolean' ? null : ['wrong_type', 'must be true or false'];
    case 'number':
      return numberMistake(rule, value);
    case 'time':
      if (typeof value !== 'string') return ['wrong_type', 'must be a time of day, HH:MM'];
      return isTime(value) ? null : ['malformed_time', 'must be a time of day, HH:MM from 00:00 to 23:59'];
    case 'date':
      if (typeof value !== 'string') return ['wrong_type', 'must be a date, YYYY-MM-DD'];
      return isDate(value) ? null : ['malformed_date', 'must be a day of the calendar, YYYY-MM-DD'];
    case 'string':
      return textMistake(rule, value);
  }
}

function numberMistake({ min, max, integer }: TargetField, value: unknown): Mistake | null {
  if (typeof value !== 'number' || !Number.isFinite(value)) return ['wrong_type', 'must be a number'];
  if (integer === true && !Number.isSafeInteger(value)) return ['wrong_type', 'must be a whole number'];
  if (min !== undefined && value < min) return ['too_small', `must be ${min} or more`];
  return max !== undefined && value > max ? ['too_large', `must be ${max} or less`] : null;
}

function textMistake({ min, max, values, format }: TargetField, value: unknown): Mistake | null {
  if (typeof value !== 'string') return ['wrong_type', 'must be a text'];
  if (!value.isWellFormed() || value.includes('\u0000')) {
    return ['malformed_text', 'must be well-formed Unicode without U+0000'];
  }
  if (values !== undefined && !values.includes(value)) return ['not_an_option', `must be one of ${values.join(', ')}`];
  if (format === 'email' && !isEmail(value)) return ['malformed_email', 'must be an email address'];
  const length = codePoints(value);
  if (min !== undefined && length < min) return ['too_short', `must have ${min} or more characters`];
  return max !== undefined && length > max ? ['too_long', `must have ${max} or fewer characters`] : null;
}
