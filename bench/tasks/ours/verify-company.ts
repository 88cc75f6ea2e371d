/** What the company registry knows of a number. The registry says when it wants to be asked again. */
import { z } from 'zod';
import { sessionTask } from '../../../activities/inputs.ts';
import { defineTask } from '../../../activities/task.ts';

const company = z.object({ name: z.string(), active: z.boolean() });

export const verifyCompany = defineTask({
  name: 'verifyCompany', timeoutMs: 3_000,
  input: sessionTask.extend({ registry: z.url(), number: z.string().regex(/^\d{6,10}$/) }),
  run: async ({ registry, number, correlation_id }, { signal }) => {
    const response = await fetch(`${registry}/companies/${number}`, { signal, headers: { 'x-correlation-id': correlation_id } });
    if (!response.ok) {
      throw Object.assign(new Error(`The registry answered ${response.status}.`), { status: response.status, headers: response.headers });
    }
    return company.parse(await response.json());
  },
});
