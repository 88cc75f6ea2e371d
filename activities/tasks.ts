/** All tasks of the product. Workflows import the type only; schemas and code stay outside their bundle. */
import type { Json } from '../domain/json.ts';
import { applyChangeset } from './apply-changeset.ts';
import { cleanUpEndedTasks } from './clean-up-tasks.ts';
import { cleanUpUploads } from './clean-up-uploads.ts';
import { deliverEvent } from './deliver-event.ts';
import { flushSession } from './flush-session.ts';
import { processUpload } from './process-upload.ts';
import { proposeRecommendations } from './propose-recommendations.ts';
import { raiseAlerts } from './raise-alerts.ts';
import { readAnswer } from './read-answer.ts';
import { reconcileStoppedSessions } from './reconcile-sessions.ts';
import { reconcileParkedTasks } from './reconcile-tasks.ts';
import { reconcileUploads } from './reconcile-uploads.ts';
import { rollBackUnfinished } from './roll-back-unfinished.ts';
import { watchSteps } from './watch-steps.ts';
import { writeTask } from './write-task.ts';
import type { Task, TaskServices } from './task.ts';

export const tasks = {
  applyChangeset, cleanUpEndedTasks, cleanUpUploads, deliverEvent, flushSession, processUpload, proposeRecommendations, raiseAlerts,
  readAnswer, reconcileParkedTasks, reconcileStoppedSessions, reconcileUploads, rollBackUnfinished, watchSteps,
  writeTask,
} as const;

type ActivityOf<T> = T extends Task<infer Input, infer Output> ? (input: Input) => Promise<Output> : never;
export type Tasks = { readonly [Name in keyof typeof tasks]: ActivityOf<(typeof tasks)[Name]> };

/** The activities of a worker. */
export function createTasks(services: TaskServices): Tasks {
  return Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, task.with(services)])) as unknown as Tasks;
}

const byName: ReadonlyMap<string, Pick<Task<never, unknown>, 'retry' | 'mistakes' | 'schema'>> = new Map(Object.entries(tasks));

export function retryOf(name: string): 'category' | 'proxy' {
  return byName.get(name)?.retry ?? 'category';
}

/** What is wrong with an input of this task. */
export function inputMistakes(name: string, input: unknown): readonly { readonly pointer: string; readonly message: string }[] {
  return byName.get(name)?.mistakes(input) ?? [{ pointer: '', message: `There is no task ${name}.` }];
}

/** What an input of this task looks like, as JSON Schema; null: there is no such task. */
export function inputSchema(name: string): Json {
  return byName.get(name)?.schema() ?? null;
}
