/** A report as a table: for programs that read tables, and people who open them. */

import type { Statement } from '../../stores/clickhouse/client.ts';

export type Cell = string | number | boolean | null;

/** What a column holds decides how it is written; a time is RFC 3339 in UTC, with its Z. */
export interface Column { readonly name: string; readonly type: 'text' | 'number' | 'boolean' }

export interface ReportTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Links for programs that follow them: they say nothing in a table. */
export const unwritten: ReadonlySet<string> = new Set(['drill_down', 'drill_downs']);
const deepest = 6;

/**
 * One row an object. Objects in it are columns of their own (`evidence.sessions`), of two numbers too (`interval.low`,
 * `interval.high`); longer lists are one text. A column stands where it first appears.
 */
export function tableOf(items: readonly object[]): ReportTable {
  const flat = items.map((item) => new Map(cellsOf(item, '', 0)));
  const names = [...new Set(flat.flatMap((row) => [...row.keys()]))];
  const columns = names.map((name): Column => ({ name, type: typeOf(flat.map((row) => row.get(name) ?? null)) }));
  const rows = flat.map((row) => columns.map(({ name, type }) => {
    const cell = row.get(name) ?? null;
    // of a column that holds different kinds all are text
    return type === 'text' && cell !== null ? String(cell) : cell;
  }));
  return { columns, rows };
}

/** Every figure of an answer in a row of its own, by its path: for a report that has no table. */
export function figuresOf(answer: object): ReportTable {
  const rows = leavesOf(answer, '', 0).map(([path, cell]) => [path, cell === null ? null : String(cell)]);
  return { columns: [{ name: 'figure', type: 'text' }, { name: 'value', type: 'text' }], rows };
}

const stored: Readonly<Record<Column['type'], string>> = { text: 'String', number: 'Float64', boolean: 'Bool' };

/** The table as rows of ClickHouse, which writes the forms that it is asked for. */
export function parquetOf({ columns, rows }: ReportTable): Statement {
  const quoted = (name: string): string => `\`${name.replaceAll(/[\\`]/g, String.raw`\$&`)}\``;
  const structure = columns.map(({ name, type }) => `${quoted(name)} Nullable(${stored[type]})`).join(', ');
  // of no text it cannot tell the rows
  if (rows.length === 0) return { sql: 'SELECT * FROM null({structure:String})', params: { structure } };
  return {
    sql: 'SELECT * FROM format(JSONCompactEachRow, {structure:String}, {rows:String})',
    params: { structure, rows: rows.map((row) => JSON.stringify(row)).join('\n') },
  };
}

function cellsOf(item: object, prefix: string, depth: number): [string, Cell][] {
  return Object.entries(item).flatMap(([name, value]: [string, unknown]): [string, Cell][] => {
    if (unwritten.has(name) || value === undefined) return [];
    const path = `${prefix}${name}`;
    if (isPair(value)) return [[`${path}.low`, value[0]], [`${path}.high`, value[1]]];
    if (typeof value !== 'object' || value === null) return [[path, cellOf(value)]];
    if (Array.isArray(value)) return [[path, value.every(isPlain) ? value.join(' ') : JSON.stringify(value)]];
    return depth < deepest ? cellsOf(value, `${path}.`, depth + 1) : [[path, JSON.stringify(value)]];
  });
}

function leavesOf(value: unknown, path: string, depth: number): [string, Cell][] {
  if (typeof value !== 'object' || value === null || depth > 2 * deepest) return value === undefined ? [] : [[path, cellOf(value)]];
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => (
    unwritten.has(name) ? [] : leavesOf(member, path === '' ? name : `${path}.${name}`, depth + 1)
  ));
}

function isPair(value: unknown): value is [number | null, number | null] {
  return Array.isArray(value) && value.length === 2 && value.every((each) => each === null || typeof each === 'number');
}

function isPlain(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}

function cellOf(value: unknown): Cell {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' || value === null
    ? value : JSON.stringify(value);
}

function typeOf(cells: readonly Cell[]): Column['type'] {
  const kinds = new Set(cells.filter((cell) => cell !== null).map((cell) => typeof cell));
  const [kind] = kinds;
  return kinds.size === 1 && (kind === 'number' || kind === 'boolean') ? kind : 'text';
}
