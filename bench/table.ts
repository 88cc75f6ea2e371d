/** Plain text tables: the first column to the left, numbers to the right. */
import type { Figure, Goal, Outcome, Table } from './part.ts';

export function textOf(outcome: Outcome): string {
  const tables = [...outcome.tables, figuresTable(outcome.figures)].map(tableText);
  const notes = outcome.notes.map((note) => `  ${note}`).join('\n');
  return [outcome.title, notes, ...tables].join('\n\n');
}

export function met(value: number, goal: Goal): boolean {
  return 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast;
}

export function verdictOf({ value, goal }: Figure): 'met' | 'missed' | '' {
  if (goal === null) return '';
  return met(value, goal) ? 'met' : 'missed';
}

/** Two digits where they mean something: a ratio of 1.17, but 312 answers a second. */
export function numberText(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 20 ? 1 : 2);
}

function figuresTable(figures: readonly Figure[]): Table {
  return {
    head: ['', 'measured', 'from - to', 'goal', ''],
    rows: figures.map((figure) => [
      figure.name, withUnit(figure.value, figure.unit),
      figure.range === undefined ? '' : figure.range.map(numberText).join(' - '),
      goalText(figure), verdictOf(figure),
    ]),
  };
}

function goalText({ goal, unit }: Figure): string {
  if (goal === null) return '';
  return 'atMost' in goal ? `<= ${withUnit(goal.atMost, unit)}` : `>= ${withUnit(goal.atLeast, unit)}`;
}

function withUnit(value: number, unit: Figure['unit']): string {
  return `${numberText(value)}${unit === '' || unit === '/s' ? unit : ` ${unit}`}`;
}

function tableText({ head, rows }: Table): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines.map((line) => {
    const cells = widths.map((width, column) => {
      const cell = line[column] ?? '';
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `  ${cells.join('  ').trimEnd()}`;
  }).join('\n');
}
