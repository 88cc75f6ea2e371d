/** The three tasks under their names, as activities/tasks.ts has the product's. */
import type { Task } from '../../../activities/task.ts';
import { importLabels } from './import-labels.ts';
import { openUnit } from './open-unit.ts';
import { verifyCompany } from './verify-company.ts';

export const tasks = { importLabels, openUnit, verifyCompany } as const;

type InputOf<T> = T extends Task<infer Input, unknown> ? Input : never;
export type TaskInputs = { readonly [Name in keyof typeof tasks]: InputOf<(typeof tasks)[Name]> };
