/** Reminders after silence: a person's own choice, and what they are worth. */
import { z } from 'zod';
import { compareArms, verdicts } from '../../analytics/statistics/two-arms.ts';
import type { ReminderArm } from '../../domain/reminders.ts';
import { countInterventions } from '../../stores/postgres/interventions.ts';
import { iso } from '../presentation.ts';
import { ok, route } from '../route.ts';
import { clientId, rate, sessionParams, time, uuid } from '../wire.ts';
import { periodOf } from '../report-route.ts';

/** Whoever is there again within so many days counts as returned; younger silences are not counted yet. */
const returnDays = 7;
const dayMs = 86_400_000;
const count = z.number().int().min(0);

export const reminderRoutes = [
  route.post('/sessions/:session_id/reminders', {
    summary: 'Be reminded of this session after silence, or not', access: ['user'], limits: ['api'], params: sessionParams,
    body: z.strictObject({ enabled: z.boolean() }).meta({ id: 'RemindersRequest' }), example: { enabled: false },
    answers: { 200: z.object({ session_id: uuid, enabled: z.boolean() }).meta({ id: 'Reminders' }) },
    problems: ['wrong_state', 'precondition_failed'],
    handler: async ({ params, body, call, services }) => {
      await services.sessions.setReminders(params.session_id, {
        id: call.operationId, fingerprint: '', actor: call.actor, correlation_id: call.correlationId, if_match: call.ifMatch,
        body: { enabled: body.enabled },
      });
      return ok({ session_id: params.session_id, enabled: body.enabled });
    },
  }),
  route.get('/admin/interventions', {
    summary: 'Whether reminders bring people back: those who got one beside those who were held out', access: ['admin'], limits: ['api'],
    audit: 'intervention.report',
    query: z.strictObject({
      ...clientId, start_date: z.string().max(40).optional(), end_date: z.string().max(40).optional(),
      timezone: z.string().max(64).optional(),
    }),
    answers: {
      200: z.object({
        period: z.object({ start: time, end: time, timezone: z.string() }),
        sent: count.meta({ description: `Silences that were reminded of, ${returnDays} days ago or more` }), held_out: count,
        returned: z.object({ sent: count, held_out: count }).meta({ description: `Who was there again within ${returnDays} days` }),
        difference: z.number().min(-1).max(1).nullable().meta({ description: 'Share of sent less share of held_out' }),
        interval: z.array(z.number()).length(2).readonly().nullable().meta({ description: '95 %, Newcombe' }),
        rates: z.object({ sent: rate.nullable(), held_out: rate.nullable() }), verdict: z.enum(verdicts),
      }).meta({ id: 'Interventions' }),
    },
    problems: ['invalid_period'],
    handler: async ({ query, call, services }) => {
      const now = services.now();
      const period = periodOf(query, now, 30);
      const end = Math.min(period.endMs, now - returnDays * dayMs);
      const counted = end <= period.startMs ? [] : await countInterventions(
        services.stores.db, call.actor.tenant, { start: new Date(period.startMs), end: new Date(end) }, returnDays,
      );
      const arm = (name: ReminderArm) => {
        const { reminded = 0, returned = 0 } = counted.find((each) => each.arm === name) ?? {};
        return { n: reminded, successes: returned };
      };
      const [sent, heldOut] = [arm('sent'), arm('held_out')];
      return ok({
        period: { start: iso(period.startMs), end: iso(period.endMs), timezone: period.timezone }, sent: sent.n, held_out: heldOut.n,
        returned: { sent: sent.successes, held_out: heldOut.successes }, ...compareArms(sent, heldOut),
        rates: { sent: share(sent), held_out: share(heldOut) },
      });
    },
  }),
];

function share({ successes, n }: { readonly successes: number; readonly n: number }): number | null {
  return n === 0 ? null : successes / n;
}
