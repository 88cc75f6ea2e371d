/** How much has to be written for three tasks on either side. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Figure, Table } from '../part.ts';
import { count, sum, type Counted } from './count.ts';

const project = join(import.meta.dirname, '..', '..');
const taskFiles = ['verify-company.ts', 'open-unit.ts', 'import-labels.ts'];
const files = {
  ours: { tasks: taskFiles, shared: ['tasks.ts', 'finished.ts', 'workflows.ts'] },
  bare: { tasks: taskFiles, shared: ['activities.ts', 'attempt.ts', 'parked-task.ts', 'workflows.ts'] },
} as const;
/** What ours stands on: written once in the product, for every task of it. Of the error categories all that classifies. */
const machinery = [
  'activities/task.ts', 'activities/retries.ts', 'workflows/tasks.ts', 'workflows/parking.ts', 'workflows/parked-task.ts',
  'workflows/task-messages.ts', 'domain/parked-task.ts',
  'domain/error-category.ts', 'domain/error-classification.ts', 'domain/error-evidence.ts', 'domain/error-fields.ts',
  'domain/error-fingerprint.ts', 'domain/error-places.ts', 'domain/error-rules.ts',
];

export interface Lines { readonly ours: Sums; readonly bare: Sums; readonly machinery: Counted }
interface Sums {
  readonly parts: readonly (Counted & { readonly file: string })[];
  readonly tasks: Counted;
  readonly shared: Counted;
  readonly all: Counted;
  readonly alone: Counted;
}

export async function countLines(): Promise<Lines> {
  return { ours: await sums('ours'), bare: await sums('bare'), machinery: sum(await Promise.all(machinery.map((file) => counted(file)))) };
}

async function sums(side: keyof typeof files): Promise<Sums> {
  const read = (names: readonly string[]) => Promise.all(names.map(async (file) => ({
    file, ...await counted(`bench/tasks/${side}/${file}`),
  })));
  const own = await read(files[side].tasks);
  const others = await read(files[side].shared);
  const [tasks, shared] = [sum(own), sum(others)];
  // as if each of the three were the only one, and had all of the shared files with it
  return { parts: [...own, ...others], tasks, shared, all: sum([tasks, shared]), alone: sum([tasks, ...own.map(() => shared)]) };
}

async function counted(path: string): Promise<Counted> {
  return count(await readFile(join(project, path), 'utf8'));
}

const rows = [
  ['three tasks alone', 'tasks'], ['shared files', 'shared'], ['tasks and shared files once', 'all'],
  ['each task with the shared files', 'alone'],
] as const;

export function linesTable({ ours, bare, machinery: below }: Lines): Table {
  return {
    head: ['', 'ours, lines', 'branches', 'SDK alone, lines', 'branches', 'lines saved', 'branches saved'],
    rows: [
      ...rows.map(([name, key]) => {
        const [a, b] = [ours[key], bare[key]];
        return [
          name, ...[a.lines, a.branches, b.lines, b.branches].map(String), percent(saved(a.lines, b.lines)),
          percent(saved(a.branches, b.branches)),
        ];
      }),
      ['the product below ours', String(below.lines), String(below.branches)],
    ],
  };
}

export function linesFigures({ ours, bare }: Lines): Figure[] {
  return [
    {
      name: 'share of lines saved, shared files counted once', value: saved(ours.all.lines, bare.all.lines), unit: '',
      goal: { atLeast: 0.6 },
    },
    {
      name: 'share of branches saved, shared files counted once', value: saved(ours.all.branches, bare.all.branches), unit: '',
      goal: { atLeast: 0.6 },
    },
    { name: 'share of lines saved, task files alone', value: saved(ours.tasks.lines, bare.tasks.lines), unit: '', goal: null },
    { name: 'share of branches saved, task files alone', value: saved(ours.tasks.branches, bare.tasks.branches), unit: '', goal: null },
  ];
}

function saved(ours: number, bare: number): number {
  return 1 - ours / bare;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
