import { z } from 'zod';
import { refusing, type PolicyVerdict } from '../../stores/redis/limits/verdict.ts';
import { resourceNames, type Cost } from '../../stores/redis/limits/policy.ts';
import { personSubject } from '../../stores/redis/limits/subject.ts';
import { audited, ok, route } from '../route.ts';
import { clientId } from '../wire.ts';

const amount = z.number().min(0).max(1_000_000_000);

const ExplainRequest = z.strictObject({
  subject: z.string().min(1).max(200).meta({
    description: 'A user or `key:<id>` of the tenant; for `anonymous` an address as it is counted, IPv6 as its /64',
  }),
  resource: z.enum(resourceNames),
  cost: z.union([
    amount,
    z.strictObject({ requests: amount.optional(), tokens: amount.optional(), characters: amount.optional(), cents: amount.optional() }),
  ])
    .default(1).meta({ description: 'Requests, or an amount by unit' }),
}).meta({ id: 'LimitQuestion' });

const PolicyWire = z.object({
  name: z.string(), unit: z.enum(['requests', 'tokens', 'characters', 'cents']), quota: z.number(), window_seconds: z.number().int(),
  cost: z.number(), remaining: z.number(), fits: z.boolean(), shadow: z.boolean(),
  reset_seconds: z.number().int().meta({ description: 'Until more is free; where it does not fit, until it would' }),
}).meta({ id: 'PolicyState' });

const Explained = z.object({
  subject: z.string(), resource: z.enum(resourceNames), decision: z.enum(['allowed', 'rate_limited', 'limiter_unavailable']),
  violated_policies: z.array(z.string()), retry_after_seconds: z.number().int().nullable(),
  critical: z.boolean().meta({ description: 'Refused while Redis is away' }),
  source: z.enum(['redis', 'process']).meta({ description: 'process: Redis does not answer, and this process counts for itself' }),
  policies: z.array(PolicyWire),
}).meta({ id: 'LimitExplanation' });

export const limitRoutes = [
  route.post('/admin/limits/explain', {
    summary: 'What the limiter would decide for somebody now, and by which policy; nothing is counted', access: ['admin'], limits: ['api'],
    audit: 'limits.explain',
    query: z.strictObject(clientId), body: ExplainRequest, answers: { 200: Explained },
    example: { resource: 'api', subject: 'ana' },
    handler: async ({ body, call, services }) => {
      const { subject, resource: name } = body;
      const cost: Cost = typeof body.cost === 'number' ? { requests: body.cost } : given(body.cost);
      const resource = services.limits.resources[name];
      const verdict = await services.limits.limiter.look(
        [{ resource, cost }], name === 'anonymous' ? subject : personSubject(call.actor.tenant, subject),
      );
      const isRefused = verdict.outcome !== 'allowed';
      const decision = verdict.outcome === 'denied' ? 'rate_limited' as const : isRefused ? 'limiter_unavailable' as const
        : 'allowed' as const;
      return audited(ok({
        subject, resource: name, decision, source: verdict.source === 'redis' ? 'redis' as const : 'process' as const,
        critical: resource.fallback === null,
        retry_after_seconds: isRefused ? verdict.retryAfterSeconds : null,
        violated_policies: isRefused ? refusing(verdict.policies).map(({ policy }) => policy.name) : [],
        policies: verdict.policies.map((policy) => present(policy, cost)),
      }), { target: `resource:${name}`, details: { decision } });
    },
  }),
];

function given(cost: { readonly [Unit in keyof Cost]: number | undefined }): Cost {
  return Object.fromEntries(Object.entries(cost).filter(([, value]) => value !== undefined));
}

function present({ policy, fits, remaining, resetSeconds }: PolicyVerdict, cost: Cost): z.input<typeof PolicyWire> {
  return {
    name: policy.name, unit: policy.unit, quota: policy.quota, window_seconds: policy.windowSeconds, cost: cost[policy.unit] ?? 0,
    remaining, fits, shadow: policy.shadow,
    reset_seconds: resetSeconds,
  };
}
