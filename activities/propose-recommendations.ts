/** A proposal from the flow's rules, with the configuration as it stands as before-images. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { propose, type Recommendation } from '../domain/recommendation.ts';
import { readConfigurationOf } from '../stores/change-target.ts';
import { flowVersion, sessionTask, values } from './inputs.ts';
import { defineTask } from './task.ts';

export const proposeRecommendations = defineTask({
  name: 'proposeRecommendations',
  input: sessionTask.extend({ flow: flowVersion, number: z.number().int(), answers: values }),
  run: async ({ tenant, flow, answers }, { db, flows }): Promise<{ recommendations: readonly Recommendation[] }> => {
    const [definition, existing] = await Promise.all([flows.version(flow.id, flow.version), readConfigurationOf(db, tenant)]);
    const recommendations = propose(definition, answers, ({ type, key }) => existing.get(`${type}:${key}`) ?? null, { id: () => randomUUID() });
    return { recommendations };
  },
});
