/** What happened, beside every series. */
import { z } from 'zod';
import type { Period } from '../analytics/periods/period.ts';
import { annotationKinds, annotations } from '../stores/postgres/annotations.ts';
import { iso } from './presentation.ts';
import type { Services } from './services.ts';
import { time } from './wire.ts';

export const annotationsWire = {
  annotations: z.array(z.object({ at: time, kind: z.enum(annotationKinds), text: z.string() }).meta({ id: 'Annotation' })).readonly(),
};

export async function annotationsOf(
  services: Services, tenant: string, { startMs, endMs }: Period,
): Promise<z.input<typeof annotationsWire.annotations>> {
  const found = await annotations(services.stores.db, tenant, startMs, endMs);
  return found.map(({ at, kind, text }) => ({ at: iso(at.getTime()), kind, text }));
}
