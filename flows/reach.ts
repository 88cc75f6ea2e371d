import { evaluate, namesOf } from '../domain/expression.ts';
import type { Expression } from '../domain/expression.ts';
import type { QuestionRule } from '../domain/flow.ts';
import type { Json } from '../domain/json.ts';

/** Combinations tried per condition; beyond it a condition counts as reachable (a refusal must be certain). */
const maxCombinations = 4_000;
/** Options up to which every subset of a multi_choice is tried; beyond it any answer is thought possible. */
const maxSubsetOptions = 6;

/** Some answers: closed names with their value, open ones (texts, dates, numbers) with any. */
interface World { readonly answers: Readonly<Record<string, Json>>; readonly open: ReadonlySet<string> }
interface Possible { readonly true: boolean; readonly false: boolean }

/**
 * Whether some answers to `earlier` make a condition true. Choices and booleans are tried in all combinations in
 * which their own questions apply; what is said about texts, dates and time ranges is thought possible, and so is whatever
 * hangs on a question that is not among them: what is wrong with that one is another mistake.
 */
export function canBeTrue(condition: Expression, earlier: readonly QuestionRule[]): boolean {
  const names = closure(condition, earlier);
  const named = earlier.filter((question) => names.has(question.id));
  if ([...names].some((name) => !named.some(({ id }) => id === name))) return true;
  let left = maxCombinations;
  const search = (at: number, world: World): boolean => {
    const question = named[at];
    if (question === undefined) {
      left -= 1;
      return left < 0 || possible(condition, world, earlier).true;
    }
    return worldsWith(question, world, earlier).some((next) => search(at + 1, next));
  };
  return search(0, { answers: {}, open: new Set() });
}

/** The ids of the questions that a condition hangs on, directly or through their own conditions. */
function closure(condition: Expression, earlier: readonly QuestionRule[]): ReadonlySet<string> {
  const names = new Set(namesOf(condition));
  for (const question of earlier.toReversed()) {
    if (names.has(question.id) && question.when !== null) for (const name of namesOf(question.when)) names.add(name);
  }
  return names;
}

function worldsWith(question: QuestionRule, world: World, earlier: readonly QuestionRule[]): readonly World[] {
  const applies = question.when === null ? { true: true, false: false } : possible(question.when, world, earlier);
  const values = possibleAnswers(question);
  const worlds: World[] = [];
  if (applies.true && values === null) worlds.push({ ...world, open: new Set([...world.open, question.id]) });
  if (applies.true && values !== null) {
    worlds.push(...values.map((value) => ({ ...world, answers: { ...world.answers, [question.id]: value } })));
  }
  if (applies.false || !question.required) worlds.push(world);
  return worlds;
}

/** Every answer to a question, or null when there are too many to try. */
function possibleAnswers(question: QuestionRule): readonly Json[] | null {
  if (question.type === 'boolean') return [true, false];
  if (question.type === 'single_choice') return question.options;
  if (question.type !== 'multi_choice' || question.options.length > maxSubsetOptions) return null;
  return question.options.reduce<readonly string[][]>(
    (subsets, option) => [...subsets, ...subsets.map((subset) => [...subset, option])],
    [[]],
  );
}

function possible(expression: Expression, world: World, questions: readonly QuestionRule[]): Possible {
  if (expression.op === 'and' || expression.op === 'or') {
    const [a, b] = [possible(expression.left, world, questions), possible(expression.right, world, questions)];
    return expression.op === 'and'
      ? { true: a.true && b.true, false: a.false || b.false }
      : { true: a.true || b.true, false: a.false && b.false };
  }
  if (expression.op === 'not') {
    const of = possible(expression.of, world, questions);
    return { true: of.false, false: of.true };
  }
  const open = namesOf(expression).filter((name) => world.open.has(name));
  if (open.length === 0) return only(evaluate(expression, world.answers) === true);
  const number = questions.find(({ id, type }) => id === open[0] && type === 'number');
  return open.length === 1 && number !== undefined
    ? possibleNumber(expression, number, world)
    : { true: true, false: true };
}

/** A number compared with a literal: its limits and the neighbours of the literal decide. */
function possibleNumber(expression: Expression, question: QuestionRule, world: World): Possible {
  const anything = { true: true, false: true };
  if (!('left' in expression) || !isDirectComparison(expression.left, expression.right)) return anything;
  const literal = [expression.left, expression.right].find(({ op }) => op === 'value');
  const limit = literal?.op === 'value' && typeof literal.value === 'number' ? literal.value : null;
  if (limit === null) return anything;
  const { min, max } = question;
  const step = question.integer === true ? 1 : 1e-6;
  const near = question.integer === true ? [Math.floor(limit), Math.ceil(limit)] : [limit];
  const candidates = [...near, Math.floor(limit) - step, Math.ceil(limit) + step, limit - step, limit + step, min, max]
    .filter((value) => typeof value === 'number')
    .filter((value) => question.integer !== true || Number.isInteger(value))
    .filter((value) => typeof min !== 'number' || value >= min)
    .filter((value) => typeof max !== 'number' || value <= max);
  const outcomes = candidates.map(
    (value) => evaluate(expression, { ...world.answers, [question.id]: value }) === true,
  );
  return { true: outcomes.includes(true), false: outcomes.includes(false) || !question.required };
}

function isDirectComparison(left: Expression, right: Expression): boolean {
  return (left.op === 'name' && right.op === 'value') || (left.op === 'value' && right.op === 'name');
}

function only(truth: boolean): Possible {
  return { true: truth, false: !truth };
}
