import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { matchLanguage, type Flow } from '../../domain/flow.ts';
import { bounds } from '../../domain/bounds.ts';
import { jsonBytes, type Json } from '../../domain/json.ts';
import { sessionStates, stages } from '../../domain/lifecycle.ts';
import { holds, type SessionView } from '../../domain/message.ts';
import { personOf } from '../../domain/person.ts';
import {
  claimSession, confirmClaim, listSessions, releaseClaim, sessionSorts, type Claim, type OpenSession, type SessionSort,
} from '../../stores/postgres/sessions.ts';
import { listed, readCursor } from '../cursor.ts';
import { knownFilters, unknownFlow } from '../known-filters.ts';
import { etagOf, presentSession } from '../presentation.ts';
import { Problem } from '../problem.ts';
import { copySession, projected } from '../projection.ts';
import type { Call } from '../call.ts';
import { audited, created, ok, route } from '../route.ts';
import type { Services } from '../services.ts';
import { rule } from '../validation.ts';
import { clientId, json, listOf, paging, sessionParams, SessionWire, StartedSession } from '../wire.ts';

const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

const sessionSort = Object.keys(sessionSorts) as [SessionSort, ...SessionSort[]];

const StartRequest = z.strictObject({
  flow: z.string().max(100).default('business_unit_setup'),
  language: z.string().max(35).default('en'),
  client_context: z.record(z.string().max(100), json)
    .refine(
      (context) => jsonBytes(context) <= bounds.client_context,
      rule('too_big', `must be at most ${bounds.client_context / 1_024} KB of JSON`, 'Leave something out.'),
    )
    .refine(
      (context) => !Object.hasOwn(context, 'timezone') || (typeof context['timezone'] === 'string' && isTimeZone(context['timezone'])),
      { ...rule('unknown_time_zone', 'must be an IANA name', 'Use a name such as Asia/Kolkata, or leave it out.'), path: ['timezone'] },
    )
    .default({}),
  resume_existing: z.boolean().default(false),
}).meta({ id: 'StartRequest' });

export const sessionRoutes = [
  route.post('/sessions', {
    summary: 'Start a session', access: ['user'], limits: ['api'], body: StartRequest,
    example: { flow: 'business_unit_setup', language: 'en', client_context: { timezone: 'Asia/Kolkata' } },
    answers: { 201: StartedSession, 200: StartedSession }, versioned: true,
    problems: ['session_exists', 'unknown_flow', 'unsupported_language'],
    handler: async ({ body, call, services }) => {
      const { flow, language } = await chosenFlow(services, call.actor.tenant, body.flow, body.language);
      const begun = await begin(services, call, flow, language, body.client_context);
      if ('view' in begun) return created(await presentSession(services.flows, begun.view, false), etagOf(begun.view));
      if (!body.resume_existing) throw sessionExists(begun.existing);
      return ok({ ...await presentSession(services.flows, begun.existing, false), resumed: true }, etagOf(begun.existing));
    },
  }),
  route.get('/sessions', {
    summary: 'Sessions: your own; as an admin those of the tenant', access: ['user'], limits: ['api'],
    audit: { action: 'session.list', when: 'others' }, answers: { 200: listOf(SessionWire) }, problems: ['unknown_flow'],
    query: z.strictObject({
      ...paging, ...clientId, state: z.enum(sessionStates).optional(), stage: z.enum(stages).optional(),
      flow: z.string().max(100).optional(),
      owner: z.string().max(128).optional(),
      q: z.string().trim().min(1).max(128).optional().meta({
        description: 'Id of the session, its owner, or the correlation id of the request that started it; exact',
      }),
      sort: z.enum(sessionSort).default('started_at').meta({ description: 'Newest first' }),
    }),
    handler: async ({ query, call, services }) => {
      const { flow = null } = await knownFilters(services, call.actor.tenant, { flow: query.flow });
      const owner = holds(call.actor, 'admin') ? query.owner ?? null : call.actor.subject;
      if (owner !== null && query.owner !== undefined && query.owner !== owner) {
        return audited(ok({ results: [], total: 0, next_cursor: null }), { owner });
      }
      const page = await listSessions(
        services.stores.db,
        { tenant: call.actor.tenant, owner, state: query.state ?? null, stage: query.stage ?? null, flow, named: query.q ?? null },
        query.sort,
        { limit: query.limit, after: readCursor(query.cursor) },
      );
      const results = await Promise.all(page.rows.map((view) => presentSession(services.flows, view, false)));
      return audited(ok(listed(page, results)), owner === null ? {} : { owner });
    },
  }),
  route.get('/sessions/:session_id', {
    summary: 'One session', access: ['user'], limits: ['api'], audit: { action: 'session.read', when: 'others' }, params: sessionParams,
    query: z.strictObject(clientId), answers: { 200: SessionWire }, versioned: true,
    handler: async ({ params, call, services }) => {
      const { view, stale } = await services.sessions.read(call.actor, params.session_id);
      return audited(ok(await presentSession(services.flows, view, stale), etagOf(view)), { owner: view.owner });
    },
  }),
  route.post('/sessions/:session_id/cancel', {
    summary: 'Cancel a session', access: ['user'], limits: ['api'], audit: { action: 'session.cancel', when: 'others' },
    params: sessionParams, answers: { 200: SessionWire }, versioned: true, problems: ['wrong_state', 'precondition_failed'],
    example: { reason: 'We open later than planned' },
    body: z.strictObject({ reason: z.string().trim().min(1).max(1_000).optional() }).meta({ id: 'CancelRequest' }),
    handler: async ({ params, body, call, services }) => {
      const { view } = await services.sessions.cancel(params.session_id, {
        id: call.operationId, fingerprint: '', actor: call.actor, correlation_id: call.correlationId, if_match: call.ifMatch,
        body: { reason: body.reason ?? null },
      });
      await projected(services, view);
      return audited(ok(await presentSession(services.flows, view, false), etagOf(view)), { owner: view.owner });
    },
  }),
];

async function chosenFlow(services: Services, tenant: string, id: string, tag: string): Promise<{ flow: Flow; language: string }> {
  const flow = await services.flows.newest(tenant, id);
  if (flow === null) {
    throw unknownFlow((await services.flows.all(tenant)).map((item) => item.id));
  }
  const language = matchLanguage(flow, tag);
  if (language !== null) return { flow, language };
  throw new Problem('unsupported_language', `${flow.id} does not speak this language. It speaks: ${flow.languages.join(', ')}.`, {
    errors: [
      {
        pointer: '/language', code: 'unsupported_language', message: 'This language is not supported.',
        fix: `Use one of: ${flow.languages.join(', ')}.`,
      },
    ],
    members: { supported_languages: flow.languages },
  });
}

/** Longest a start may take; its claim is held as long. */
const leaseSeconds = 10;
const startTries = 40;

/**
 * One open session a person and flow. The claim in PostgreSQL decides between many callers; the engine decides whether an
 * existing one is still open, since the copy in PostgreSQL may be behind.
 */
async function begin(
  services: Services, call: Call, flow: Flow, language: string, context: Record<string, Json>,
): Promise<{ view: SessionView } | { existing: SessionView }> {
  const { actor } = call;
  for (let tries = 0; tries < startTries; tries += 1) {
    const result = await claimSession(services.stores.db, {
      session_id: randomUUID(), claim_token: randomUUID(), tenant: actor.tenant, owner: actor.subject, flow_id: flow.id,
      flow_version: flow.version, language,
      start_request: call.keyedRequest, lease_seconds: leaseSeconds,
      user_key: services.intake.userKey?.(actor.tenant, actor.subject) ?? null,
    });
    if ('claim' in result) return { view: await start(services, call, flow, language, context, result.claim) };
    if (result.open.confirmed) {
      const existing = await existingSession(services, call, result.open);
      if (existing !== null) return isMine(result.open, call) ? { view: existing } : { existing };
    } else {
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
  throw new Problem(
    'engine_unavailable', 'Another request is still starting this session. Repeat in a moment.', { headers: { 'Retry-After': '2' } },
  );
}

/** A keyed request whose answer was lost finds the session that it had started. */
function isMine(open: OpenSession, call: Call): boolean {
  return call.keyedRequest !== null && open.start_request === call.keyedRequest;
}

async function start(
  services: Services, call: Call, flow: Flow, language: string, context: Record<string, Json>, claim: Claim,
): Promise<SessionView> {
  try {
    const view = await services.sessions.open(flow.rules, {
      session_id: claim.session_id, tenant: call.actor.tenant, owner: call.actor.subject,
      owner_person: personOf(call.actor), language, segment: claim.segment,
      correlation_id: call.correlationId, client_context: context,
    });
    await confirmClaim(services.stores.db, claim, view);
    return view;
  } catch (error) {
    // the lease ends by itself if this fails too
    await releaseClaim(services.stores.db, claim).catch(() => undefined);
    throw error;
  }
}

/** The open session, or null when it has ended meanwhile: then its copy is brought up to date and the claim is free. */
async function existingSession(services: Services, call: Call, open: OpenSession): Promise<SessionView | null> {
  const { view } = await services.sessions.read(call.actor, open.session_id);
  if (view.ended_at === null) return view;
  await copySession(services, view);
  return null;
}

function sessionExists(view: SessionView): Problem {
  return new Problem('session_exists', 'You have an open session of this flow. Go on with it, cancel it, or send resume_existing: true.', {
    members: { existing_session_id: view.session_id, session_state: view.state },
  });
}
