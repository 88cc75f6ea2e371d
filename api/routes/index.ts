/** Every route below the base, in the order of the documentation. */
import type { Route } from '../route.ts';
import { analyticsRoutes } from './analytics.ts';
import { answerRoutes } from './answers.ts';
import { changesetRoutes } from './changesets.ts';
import { decisionRoutes } from './decisions.ts';
import { flowRoutes } from './flows.ts';
import { sessionRoutes } from './sessions.ts';

export const routes: readonly Route[] = [...sessionRoutes, ...answerRoutes, ...decisionRoutes, ...changesetRoutes, ...flowRoutes, ...analyticsRoutes];
