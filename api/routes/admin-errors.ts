import { z } from 'zod';
import { errorCategories, errorSeverities } from '../../domain/error-category.ts';
import { errorTrends, listErrorPatterns, type ErrorPattern } from '../../stores/postgres/error-patterns.ts';
import { listed, readCursorAs } from '../cursor.ts';
import { ok, route } from '../route.ts';
import { clientId, listOf, paging, time } from '../wire.ts';

const PatternWire = z.object({
  fingerprint: z.string().meta({ description: 'Of the class, the task and the message without its ids, numbers and values' }),
  task_name: z.string(),
  category: z.enum(errorCategories), severity: z.enum(errorSeverities), exception_type: z.string(),
  message: z.string().meta({ description: 'Of one occurrence, without personal data' }),
  count: z.number().int().meta({ description: 'Since the beginning of the hour in which the asked time begins, as affected_sessions' }),
  affected_sessions: z.number().int(),
  first_seen: time.meta({ description: 'Ever' }), last_seen: time,
  trend: z.enum(errorTrends).meta({
    description: 'Against as many hours before. new: not seen before; rising: more than half as much again; falling: a third less',
  }),
}).meta({ id: 'ErrorPattern' });

const keyset = z.object({ count: z.number().int().min(0), fingerprint: z.string().max(200) });

export const errorRoutes = [
  route.get('/admin/errors/patterns', {
    summary: 'Errors of background work by fingerprint, the most frequent first', access: ['admin'], limits: ['api'],
    audit: 'error_pattern.list',
    answers: { 200: listOf(PatternWire) },
    query: z.strictObject({
      ...paging, ...clientId, category: z.enum(errorCategories).optional(), task_name: z.string().min(1).max(200).optional(),
      time_range_hours: z.coerce.number().int().min(1).max(720).default(24),
    }),
    handler: async ({ query, call, services }) => {
      const page = await listErrorPatterns(services.stores.db, {
        tenant: call.actor.tenant, hours: query.time_range_hours, now: services.now(), category: query.category ?? null,
        task_name: query.task_name ?? null,
      }, { limit: query.limit, after: readCursorAs(keyset, query.cursor) });
      return ok(listed(page, page.rows.map(present)));
    },
  }),
];

function present(pattern: ErrorPattern): z.input<typeof PatternWire> {
  const { fingerprint, task_name, category, severity, exception_type, message, count, affected_sessions, trend } = pattern;
  return {
    fingerprint, task_name, category, severity, exception_type, message, count, affected_sessions, trend,
    first_seen: pattern.first_seen.toISOString(), last_seen: pattern.last_seen.toISOString(),
  };
}
