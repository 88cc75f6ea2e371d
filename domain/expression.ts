import { sameValue, type Json } from './json.ts';

/*
 * The small language of `when` and of recommendation values. It is total and has no loops:
 * 1. an unanswered name is null, and so is whatever cannot be worked out (a field of a number, 1 / 0, 'a' * 2);
 * 2. a comparison with null is false, except `== null` and `!= null` as written in the source;
 * 3. only `true` is true: `and`, `or`, `not` never treat 0, '' or [] as anything.
 * Because of 1 and 2 a condition over questions that were not asked yet is simply false.
 */

export type FunctionName =
  | 'min' | 'max' | 'round' | 'floor' | 'ceil' | 'answered' | 'overnight' | 'hours' | 'later' | 'slug';
export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'contains';
export type ArithmeticOperator = '+' | '-' | '*' | '/';
export type BinaryOperator = 'and' | 'or' | ComparisonOperator | ArithmeticOperator;

/** Plain JSON; it rests in workflow histories for months, so variants are only ever added. */
export type Expression =
  | { readonly op: 'value'; readonly value: null | boolean | number | string }
  | { readonly op: 'name'; readonly name: string }
  | { readonly op: 'field'; readonly of: Expression; readonly field: string }
  | { readonly op: 'list'; readonly items: readonly Expression[] }
  | { readonly op: 'not' | 'negate'; readonly of: Expression }
  | { readonly op: 'and' | 'or' | ArithmeticOperator; readonly left: Expression; readonly right: Expression }
  | Comparison
  | { readonly op: 'call'; readonly fn: FunctionName; readonly args: readonly Expression[] };

export interface Comparison { readonly op: ComparisonOperator; readonly left: Expression; readonly right: Expression }

/** Question id → answer. Only own properties count, so `constructor` is just an unanswered name. */
export type Answers = Readonly<Record<string, Json>>;

export const maxSourceLength = 500;
export const maxDepth = 32;
/** UTF-16 units; a longer text that `+` would make is null, so that no expression grows its input without end. */
const maxTextLength = 8192;

const arity: Readonly<Record<FunctionName, { readonly least: number; readonly most: number }>> = {
  min: { least: 1, most: 16 },
  max: { least: 1, most: 16 },
  round: { least: 1, most: 1 },
  floor: { least: 1, most: 1 },
  ceil: { least: 1, most: 1 },
  answered: { least: 1, most: 1 },
  overnight: { least: 1, most: 1 },
  hours: { least: 1, most: 1 },
  later: { least: 2, most: 2 },
  slug: { least: 1, most: 1 },
};
export const reservedWords: readonly string[] = ['and', 'or', 'not', 'in', 'contains', 'true', 'false', 'null'];
const comparisons: readonly string[] = ['==', '!=', '<=', '>=', '<', '>', 'in', 'contains'];

export interface ParsedExpression { readonly expression: Expression; readonly names: readonly string[] }

/** A source text that is no expression. `column` counts UTF-16 units from 1. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly column: number;
  constructor(message: string, column: number) {
    super(message);
    this.column = column;
  }
}

/**
 * @param source at most 500 UTF-16 units, nested at most 32 deep.
 * @returns the syntax tree, and every name that it reads, once each, in the order of the source.
 * @throws ExpressionError with the column of the mistake.
 */
export function parseExpression(source: string): ParsedExpression {
  if (source.length > maxSourceLength) {
    throw new ExpressionError(`longer than ${maxSourceLength} characters`, maxSourceLength + 1);
  }
  const expression = new Parser(tokenize(source)).whole();
  return { expression, names: namesOf(expression) };
}

/** Every name that an expression reads, once each. */
export function namesOf(expression: Expression): readonly string[] {
  if (expression.op === 'name') return [expression.name];
  return [...new Set(parts(expression).flatMap(namesOf))];
}

/** The direct parts of an expression, left to right. */
export function parts(expression: Expression): readonly Expression[] {
  switch (expression.op) {
    case 'value':
    case 'name':
      return [];
    case 'field':
    case 'not':
    case 'negate':
      return [expression.of];
    case 'list':
      return expression.items;
    case 'call':
      return expression.args;
    default:
      return [expression.left, expression.right];
  }
}

// --- Reading a source text ---

interface Token {
  readonly kind: 'number' | 'string' | 'word' | 'symbol' | 'end';
  /** For a string: what stands between its quotes. */
  readonly text: string;
  readonly column: number;
}

function tokenize(source: string): readonly Token[] {
  const word = /(\d+(?:\.\d+)?)|'([^']*)'|"([^"]*)"|([A-Za-z_][A-Za-z0-9_]*)|(==|!=|<=|>=|[<>()[\],.+\-*/])/y;
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(source.charAt(at))) at += 1;
    if (at >= source.length) break;
    word.lastIndex = at;
    const match = word.exec(source);
    if (match === null) throw new ExpressionError(unexpectedCharacter(source, at), at + 1);
    tokens.push(tokenOf(match, at + 1));
    at = word.lastIndex;
  }
  tokens.push({ kind: 'end', text: '', column: source.length + 1 });
  return tokens;
}

function tokenOf(match: RegExpExecArray, column: number): Token {
  const [, number, single, double, word, symbol] = match;
  if (number !== undefined) return { kind: 'number', text: number, column };
  if (word !== undefined) return { kind: 'word', text: word, column };
  if (symbol !== undefined) return { kind: 'symbol', text: symbol, column };
  return { kind: 'string', text: single ?? double ?? '', column };
}

function unexpectedCharacter(source: string, at: number): string {
  const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
  if (character === "'" || character === '"') return `the text that begins with ${character} does not end`;
  if (character === '=') return "'=' is not an operator; equality is '=='";
  if (character === '&' || character === '|') return `'${character}' is not an operator; write 'and' or 'or'`;
  if (character === '!') return "'!' is not an operator; write 'not'";
  return `unexpected character '${character}'`;
}

/** Precedence, loosest first: or; and; not; comparison (does not chain); + -; * /; unary minus; field access. */
class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  whole(): Expression {
    if (this.peek().kind === 'end') throw new ExpressionError('the expression is empty', 1);
    const expression = this.or();
    const rest = this.peek();
    if (rest.kind !== 'end') throw new ExpressionError(`unexpected ${shown(rest)}`, rest.column);
    // Chains such as a + b + c nest without recursion of the parser; evaluation recurses over them all the same.
    if (depthOf(expression) > maxDepth) throw this.tooDeep(this.tokens[0]);
    return expression;
  }

  private or(): Expression {
    return this.chain(['or'], () => this.and());
  }

  private and(): Expression {
    return this.chain(['and'], () => this.negation());
  }

  private negation(): Expression {
    if (!this.take('word', ['not'])) return this.comparison();
    return this.nested(() => ({ op: 'not', of: this.negation() }));
  }

  private comparison(): Expression {
    const left = this.sum();
    const operator = this.takeOperator(comparisons);
    if (operator === null) return left;
    const expression: Expression = { op: operator, left, right: this.sum() };
    const next = this.peek();
    if (comparisons.includes(next.text) && (next.kind === 'symbol' || next.kind === 'word')) {
      throw new ExpressionError("comparisons do not chain; join them with 'and'", next.column);
    }
    return expression;
  }

  private sum(): Expression {
    return this.chain(['+', '-'], () => this.product());
  }

  private product(): Expression {
    return this.chain(['*', '/'], () => this.unary());
  }

  private unary(): Expression {
    if (!this.take('symbol', ['-'])) return this.access();
    return this.nested(() => ({ op: 'negate', of: this.unary() }));
  }

  private access(): Expression {
    let expression = this.primary();
    while (this.take('symbol', ['.'])) {
      const field = this.next();
      if (field.kind !== 'word') throw new ExpressionError("a field's name must follow '.'", field.column);
      expression = { op: 'field', of: expression, field: field.text };
    }
    return expression;
  }

  private primary(): Expression {
    const token = this.next();
    if (token.kind === 'number') return { op: 'value', value: Number(token.text) };
    if (token.kind === 'string') return { op: 'value', value: token.text };
    if (token.kind === 'word') return this.word(token);
    if (token.text === '(') return this.nested(() => this.closed(this.or(), ')'));
    if (token.text === '[') return this.nested(() => ({ op: 'list', items: this.items(']') }));
    throw new ExpressionError(`expected a value, found ${shown(token)}`, token.column);
  }

  private word(token: Token): Expression {
    if (token.text === 'true' || token.text === 'false') return { op: 'value', value: token.text === 'true' };
    if (token.text === 'null') return { op: 'value', value: null };
    if (reservedWords.includes(token.text)) {
      throw new ExpressionError(`expected a value, found '${token.text}'`, token.column);
    }
    if (!this.take('symbol', ['('])) return { op: 'name', name: token.text };
    const fn = token.text;
    if (!isFunction(fn)) throw new ExpressionError(`unknown function '${fn}'`, token.column);
    const args = this.nested(() => this.items(')'));
    const { least, most } = arity[fn];
    if (args.length < least || args.length > most) {
      const count = least === most ? String(least) : `${least} to ${most}`;
      throw new ExpressionError(`${fn}() takes ${count} argument(s), not ${args.length}`, token.column);
    }
    return { op: 'call', fn, args };
  }

  private items(close: ')' | ']'): readonly Expression[] {
    const items: Expression[] = [];
    if (this.take('symbol', [close])) return items;
    do items.push(this.or());
    while (this.take('symbol', [',']));
    return this.closed(items, close);
  }

  private closed<T>(inside: T, close: ')' | ']'): T {
    const token = this.next();
    if (token.kind === 'symbol' && token.text === close) return inside;
    throw new ExpressionError(`expected '${close}', found ${shown(token)}`, token.column);
  }

  private chain(operators: readonly BinaryOperator[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const operator = this.takeOperator(operators);
      if (operator === null) return left;
      left = { op: operator, left, right: operand() };
    }
  }

  private nested<T>(read: () => T): T {
    this.depth += 1;
    if (this.depth > maxDepth) throw this.tooDeep(this.peek());
    const result = read();
    this.depth -= 1;
    return result;
  }

  private tooDeep(token: Token | undefined): ExpressionError {
    return new ExpressionError(`nested more than ${maxDepth} deep`, token?.column ?? 1);
  }

  private peek(): Token {
    return this.tokens[Math.min(this.at, this.tokens.length - 1)] ?? { kind: 'end', text: '', column: 1 };
  }

  private next(): Token {
    const token = this.peek();
    this.at += 1;
    return token;
  }

  private take(kind: Token['kind'], texts: readonly string[]): boolean {
    const token = this.peek();
    if (token.kind !== kind || !texts.includes(token.text)) return false;
    this.at += 1;
    return true;
  }

  private takeOperator(operators: readonly string[]): BinaryOperator | null {
    const token = this.peek();
    if (token.kind !== 'symbol' && token.kind !== 'word') return null;
    if (!operators.includes(token.text) || !isBinaryOperator(token.text)) return null;
    this.at += 1;
    return token.text;
  }
}

function shown(token: Token): string {
  if (token.kind === 'end') return 'the end';
  return token.kind === 'string' ? `the text '${token.text}'` : `'${token.text}'`;
}

function depthOf(expression: Expression): number {
  return 1 + Math.max(0, ...parts(expression).map(depthOf));
}

function isFunction(name: string): name is FunctionName {
  return Object.hasOwn(arity, name);
}

function isBinaryOperator(text: string): text is BinaryOperator {
  return ['and', 'or', '+', '-', '*', '/', ...comparisons].includes(text);
}

// --- Working out ---

/**
 * The value of an expression. Total: it never throws, whatever the answers are.
 * @param answers question id → answer; read by own property only.
 */
export function evaluate(expression: Expression, answers: Answers): Json {
  switch (expression.op) {
    case 'value':
      return expression.value;
    case 'name':
      return ownField(answers, expression.name);
    case 'field':
      return ownField(evaluate(expression.of, answers), expression.field);
    case 'list':
      return expression.items.map((item) => evaluate(item, answers));
    case 'not':
      return evaluate(expression.of, answers) !== true;
    case 'negate':
      return arithmetic('-', 0, evaluate(expression.of, answers));
    case 'call':
      return call(expression.fn, expression.args.map((arg) => evaluate(arg, answers)));
    case 'and':
      return evaluate(expression.left, answers) === true && evaluate(expression.right, answers) === true;
    case 'or':
      return evaluate(expression.left, answers) === true || evaluate(expression.right, answers) === true;
    case '+':
    case '-':
    case '*':
    case '/':
      return arithmetic(expression.op, evaluate(expression.left, answers), evaluate(expression.right, answers));
    default:
      return compare(expression, answers);
  }
}

function compare({ op, left, right }: Comparison, answers: Answers): boolean {
  const a = evaluate(left, answers);
  const b = evaluate(right, answers);
  if ((op === '==' || op === '!=') && (isNull(left) || isNull(right))) return (a === b) === (op === '==');
  if (a === null || b === null) return false;
  switch (op) {
    case '==':
      return sameValue(a, b);
    case '!=':
      return !sameValue(a, b);
    case 'in':
      return isList(b) && b.some((item) => sameValue(a, item));
    case 'contains':
      return isList(a) && a.some((item) => sameValue(item, b));
    default:
      return ordered(op, a, b);
  }
}

/** Numbers by size, texts by UTF-16 unit (which is the order of dates and of times of day); a mixture is false. */
function ordered(op: '<' | '<=' | '>' | '>=', a: Json, b: Json): boolean {
  const comparable =
    (typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string');
  if (!comparable) return false;
  if (op === '<') return a < b;
  if (op === '<=') return a <= b;
  return op === '>' ? a > b : a >= b;
}

function arithmetic(op: ArithmeticOperator, a: Json, b: Json): Json {
  if (op === '+' && typeof a === 'string' && typeof b === 'string') {
    return a.length + b.length <= maxTextLength ? a + b : null;
  }
  if (typeof a !== 'number' || typeof b !== 'number') return null;
  if (op === '+') return finite(a + b);
  if (op === '-') return finite(a - b);
  return finite(op === '*' ? a * b : a / b);
}

function call(fn: FunctionName, args: readonly Json[]): Json {
  const [first = null, second = null] = args;
  switch (fn) {
    case 'min':
    case 'max': {
      const numbers = args.filter((arg) => typeof arg === 'number');
      return numbers.length < args.length ? null : finite(Math[fn](...numbers));
    }
    case 'round':
    case 'floor':
    case 'ceil':
      return typeof first === 'number' ? finite(Math[fn](first)) : null;
    case 'answered':
      return first !== null;
    case 'overnight':
      return overnight(first);
    case 'hours':
      return lengthHours(first);
    case 'later':
      return later(first, second);
    case 'slug':
      return typeof first === 'string' ? slug(first) : null;
  }
}

/** True when a time range ends on the next day; null when it is no time range. */
function overnight(range: Json): boolean | null {
  const start = minutesOfDay(ownField(range, 'start'));
  const end = minutesOfDay(ownField(range, 'end'));
  return start === null || end === null ? null : end <= start;
}

/** Length of a time range in hours, above 0 and at most 24. */
function lengthHours(range: Json): number | null {
  const start = minutesOfDay(ownField(range, 'start'));
  const end = minutesOfDay(ownField(range, 'end'));
  if (start === null || end === null) return null;
  return (end > start ? end - start : end - start + minutesPerDay) / 60;
}

/** The time of day so many hours after another, to the nearest minute, around midnight. */
function later(time: Json, hours: Json): string | null {
  const start = minutesOfDay(time);
  if (start === null || typeof hours !== 'number' || Math.abs(hours) > 8760) return null;
  const minutes = (((start + Math.round(hours * 60)) % minutesPerDay) + minutesPerDay) % minutesPerDay;
  return `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}

/**
 * A key made of a name: letters and digits of any script in lower case, the rest one '-'. A name without any
 * (only symbols) becomes its code points in hexadecimal, so that every name but '' has a key.
 */
function slug(text: string): string | null {
  if (text === '') return null;
  const key = text.normalize('NFC').toLowerCase().replace(/[^\p{L}\p{M}\p{N}]+/gu, '-').replace(/^-|-$/g, '');
  if (key !== '') return key;
  return Array.from(text, (character) => (character.codePointAt(0) ?? 0).toString(16)).join('-');
}

const minutesPerDay = 1440;

function minutesOfDay(time: Json): number | null {
  if (typeof time !== 'string') return null;
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(time);
  return match === null ? null : Number(match[1]) * 60 + Number(match[2]);
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

function finite(number: number): number | null {
  return Number.isFinite(number) ? number : null;
}

function isNull(expression: Expression): boolean {
  return expression.op === 'value' && expression.value === null;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function ownField(value: Json, key: string): Json {
  if (value === null || typeof value !== 'object' || isList(value) || !Object.hasOwn(value, key)) return null;
  return value[key] ?? null;
}
