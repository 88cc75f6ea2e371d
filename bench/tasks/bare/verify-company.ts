/** What the company registry knows of a number. The registry says when it wants to be asked again. */
import { z } from 'zod';
import { attempt, HttpError, sessionTask, type Services } from './attempt.ts';

const company = z.object({ name: z.string(), active: z.boolean() });
const schema = sessionTask.extend({ registry: z.url(), number: z.string().regex(/^\d{6,10}$/) });
export type VerifyCompany = z.input<typeof schema>;

export const verifyCompany = (services: Services) => (raw: VerifyCompany): Promise<z.output<typeof company>> => (
  attempt({ name: 'verifyCompany', schema, timeoutMs: 3_000, services, raw }, async ({ registry, number, correlation_id }, { signal }) => {
    const response = await fetch(`${registry}/companies/${number}`, { signal, headers: { 'x-correlation-id': correlation_id } });
    if (!response.ok) throw new HttpError(response);
    return company.parse(await response.json());
  })
);
