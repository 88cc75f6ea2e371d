/** All tasks of the product. Workflows import the type only; schemas and code stay outside their bundle. */
import { applyChangeset } from './apply-changeset.ts';
import { flushSession } from './flush-session.ts';
import { proposeRecommendations } from './propose-recommendations.ts';
import { readAnswer } from './read-answer.ts';
import type { TaskServices } from './task.ts';

const definitions = { applyChangeset, flushSession, proposeRecommendations, readAnswer };

export type Tasks = { readonly [Name in keyof typeof definitions]: ReturnType<(typeof definitions)[Name]> };

/** The activities of a worker. */
export function createTasks(services: TaskServices): Tasks {
  return {
    applyChangeset: applyChangeset(services), flushSession: flushSession(services),
    proposeRecommendations: proposeRecommendations(services), readAnswer: readAnswer(services),
  };
}
