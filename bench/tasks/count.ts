/** Lines and branches of a source file, the same way for both sides. */
import { isDeepStrictEqual } from 'node:util';
import { parseSync } from '@swc/core';

export interface Counted {
  /** Neither blank nor only a comment. */
  readonly lines: number;
  /** Every if, ?:, case, catch, &&, ||, ?? (also as &&=, ||=, ??=) and loop. Not: default, else, ?., a promise's catch(), types. */
  readonly branches: number;
}

export function count(source: string): Counted {
  const code = withoutComments(source);
  const tree = parsed(source);
  // a comment mark in a text that was taken for a comment would change what is parsed
  if (!isDeepStrictEqual(tree, parsed(code))) throw new Error('The comments of a source could not be told from its code.');
  return { lines: code.split('\n').filter((line) => line.trim() !== '').length, branches: branchesIn(tree) };
}

export function sum(all: readonly Counted[]): Counted {
  return { lines: all.reduce((total, each) => total + each.lines, 0), branches: all.reduce((total, each) => total + each.branches, 0) };
}

/** Comments; or what may hold their marks: regular expressions where one can begin, and the three sorts of texts. */
const marks = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|(?<=(?:[=(,:[!&|?{};>]|return|^)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/gm;

export function withoutComments(source: string): string {
  return source.replaceAll(marks, (found) => (/^\/[/*]/.test(found) ? found.replaceAll(/[^\n]+/g, '') : found));
}

const branching = new Set([
  'IfStatement', 'ConditionalExpression', 'CatchClause', 'ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement',
  'DoWhileStatement',
]);
const short = new Set(['&&', '||', '??', '&&=', '||=', '??=']);

const places = new Set(['span', 'ctxt', 'start', 'end']);

/** Without places and comments, so that two trees of the same code are equal. */
function parsed(source: string): unknown {
  return JSON.parse(
    JSON.stringify(
      parseSync(source, { syntax: 'typescript', target: 'es2024', comments: false }),
      (key, value: unknown) => (places.has(key) ? undefined : value),
    ),
  );
}

function branchesIn(node: unknown): number {
  if (typeof node !== 'object' || node === null) return 0;
  const { type, operator, test } = node as { readonly type?: unknown; readonly operator?: unknown; readonly test?: unknown };
  const own = branching.has(String(type)) || short.has(String(operator)) || (type === 'SwitchCase' && test != null);
  return Object.values(node).reduce((total: number, each) => total + branchesIn(each), own ? 1 : 0);
}
