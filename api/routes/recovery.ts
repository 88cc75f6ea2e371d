import { z } from 'zod';
import { bounds } from '../../domain/bounds.ts';
import { jsonBytes, type Json } from '../../domain/json.ts';
import type { CheckpointContent } from '../../domain/session-state.ts';
import { MessageRejected, type ResumeBody, type SessionView } from '../../domain/message.ts';
import type { Resumption } from '../../engine/sessions.ts';
import { findCheckpoints } from '../../stores/postgres/checkpoints.ts';
import { openJson, sealedAs } from '../../encryption/sealer.ts';
import { Problem } from '../problem.ts';
import { etagOf, iso, presentSession } from '../presentation.ts';
import type { Call } from '../call.ts';
import { audited, created, ok, route } from '../route.ts';
import type { Services } from '../services.ts';
import { rule } from '../validation.ts';
import { clientId, json, QuestionWire, sessionParams, SessionWire, time, uuid } from '../wire.ts';
import { sessionStates } from '../../domain/lifecycle.ts';

const kind = z.enum(['auto', 'stage', 'manual']);
const hash = z.string().length(64);
const uiState = json.refine(
  (value) => jsonBytes(value) <= bounds.ui_state,
  rule('too_big', `must be at most ${bounds.ui_state / 1_024} KB of JSON`, 'Keep less of it.'),
);

const CheckpointRequest = z.strictObject({
  ui_state: uiState.optional(), label: z.string().trim().min(1).max(200).optional(), force: z.boolean().default(false),
})
  .meta({ id: 'CheckpointRequest' });
const stored = z.enum(['stored', 'queued', 'unavailable']);
const CheckpointSaved = z.object({
  status: z.literal('created'), session_id: uuid, checkpoint_version: z.number().int(), checkpoint_hash: hash, created_at: time, kind,
  storage: z.object({ history: stored, redis: stored, postgresql: stored }), ttl_seconds: z.number().int(),
}).meta({ id: 'CheckpointSaved' });
const CheckpointSkipped = z.object({ status: z.literal('skipped'), reason: z.literal('unchanged'), checkpoint_version: z.number().int() })
  .meta({ id: 'CheckpointSkipped' });

const Resumed = z.object({
  status: z.literal('resumed'), session_id: uuid, resumed_at: time, restored_state: z.enum(sessionStates),
  restored_data: z.record(z.string(), json), ui_state: json,
  checkpoint_version: z.number().int(), checkpoint_age_seconds: z.number(), questions_answered: z.number().int(),
  progress_percent: z.number().int(),
  next_action: z.object({
    type: z.enum(['continue_conversation', 'wait_for_recommendations', 'show_recommendations']), question: QuestionWire.nullable(),
  }),
  source: z.enum(['history', 'redis', 'postgresql']),
  stale: z.boolean().meta({ description: 'true: read from a copy while the engine is away; nothing was recorded' }),
}).meta({ id: 'Resumed' });

const Checkpoints = z.object({
  session_id: uuid, total_checkpoints: z.number().int(),
  checkpoints: z.array(z.object({
    checkpoint_version: z.number().int(), kind, label: z.string().nullable(), state: z.enum(sessionStates), created_at: time,
    checkpoint_hash: hash,
    data_summary: z.object({ answers_count: z.number().int(), progress_percent: z.number().int() }),
  })),
}).meta({ id: 'Checkpoints' });

const eventName = z.string().max(200).refine(
  (name) => /^[^,\p{C}]{1,200}$/u.test(name),
  rule('malformed_name', 'must be 1-200 printable characters without a comma', 'Give a short name such as ui_help_opened.'),
).meta({ description: '1-200 printable characters without a comma' });
const ClientEvent = z.strictObject({
  event: eventName, properties: z.record(z.string().max(100), z.union([z.string(), z.number(), z.boolean(), z.null()])).default({}),
  occurred_at: z.iso.datetime({ offset: true }).optional(),
}).refine((body) => Buffer.byteLength(JSON.stringify(body)) <= 2_048, rule('too_big', 'must be at most 2 KB', 'Send fewer properties.'))
  .meta({ id: 'ClientEvent' });

/** The session's own events: a client cannot claim them. */
const ownEvents = /^(session_|question_|answer_|answers_|state_|stage_|checkpoint_|decision_|approval_|changeset_|risk_|reminders?_|person_|help_given)/;

export const recoveryRoutes = [
  route.post('/sessions/:session_id/escalate', {
    summary: 'Hand a session to a person; resume returns it', access: ['user'], limits: ['api'],
    audit: { action: 'session.escalate', when: 'others' }, params: sessionParams, answers: { 200: SessionWire }, versioned: true,
    example: { reason: 'I would rather talk to somebody', urgency: 'low' },
    problems: ['wrong_state', 'precondition_failed'],
    body: z.strictObject({ reason: z.string().trim().min(1).max(1_000), urgency: z.enum(['low', 'medium', 'high']).default('medium') })
      .meta({ id: 'EscalateRequest' }),
    handler: async ({ params, body, call, services }) => {
      const { view } = await services.sessions.escalate(params.session_id, messageOf(call, body));
      return audited(ok(await presentSession(services.flows, view, false), etagOf(view)), { owner: view.owner, reason: body.reason });
    },
  }),
  route.post('/sessions/:session_id/checkpoint', {
    summary: 'Save where the person is', access: ['user'], limits: ['api'], params: sessionParams, body: CheckpointRequest,
    example: { ui_state: { step: 3 }, label: 'before lunch' },
    answers: { 201: CheckpointSaved, 200: CheckpointSkipped }, versioned: true,
    problems: ['wrong_state', 'precondition_failed'],
    handler: async ({ params, body, call, services }) => {
      const message = messageOf(call, { ui_state: body.ui_state, label: body.label ?? null, force: body.force });
      const [{ outcome, view }, redisAnswers] = await Promise.all([
        services.sessions.checkpoint(params.session_id, message), services.sessions.hotCopiesAreThere(),
      ]);
      if (outcome.checkpoint === null) {
        return ok({ status: 'skipped' as const, reason: 'unchanged' as const, checkpoint_version: outcome.version }, etagOf(view));
      }
      const { hash: checkpointHash, created_at: createdAt } = outcome.checkpoint;
      return created({
        status: 'created' as const, session_id: view.session_id, checkpoint_version: outcome.version, checkpoint_hash: checkpointHash,
        created_at: iso(createdAt),
        kind: 'manual' as const,
        storage: {
          history: 'stored' as const, redis: redisAnswers ? 'queued' as const : 'unavailable' as const, postgresql: 'queued' as const,
        },
        ttl_seconds: 3_600,
      }, etagOf(view));
    },
  }),
  route.post('/sessions/:session_id/resume', {
    summary: 'Go on, on this or another device, from now or from an earlier checkpoint', access: ['user'], limits: ['api'],
    audit: { action: 'session.resume', when: 'others' }, params: sessionParams, answers: { 200: Resumed }, versioned: true,
    example: { checkpoint_version: 1 },
    body: z.strictObject({ checkpoint_version: z.number().int().min(1).optional() }).meta({ id: 'ResumeRequest' }),
    problems: ['checkpoint_not_found', 'wrong_state', 'precondition_failed'],
    handler: async ({ params, body, call, services }) => {
      const version = body.checkpoint_version ?? null;
      const resumed = await resume(services, call, params.session_id, version);
      const { view } = resumed.kind === 'stale' ? resumed : resumed.reply;
      const shown = await presentResumed(services, view, await restoredBy(services, call, resumed));
      return audited(ok(shown, etagOf(view)), { owner: view.owner });
    },
  }),
  route.get('/sessions/:session_id/checkpoints', {
    summary: 'The newest checkpoints', access: ['user'], limits: ['api'], audit: { action: 'checkpoint.list', when: 'others' },
    params: sessionParams, answers: { 200: Checkpoints },
    query: z.strictObject({ ...clientId, limit: z.coerce.number().int().min(1).max(50).default(10) }),
    handler: async ({ params, query, call, services }) => {
      const { checkpoints, total, owner } = await services.sessions.checkpoints(call.actor, params.session_id);
      return audited(ok({
        session_id: params.session_id, total_checkpoints: total,
        checkpoints: checkpoints.toReversed().slice(0, query.limit).map((item) => ({
          checkpoint_version: item.version, kind: item.kind, label: item.label, state: item.state, created_at: iso(item.created_at),
          checkpoint_hash: item.hash,
          data_summary: { answers_count: item.current.length, progress_percent: item.progress_percent },
        })),
      }), { owner });
    },
  }),
  route.post('/sessions/:session_id/events', {
    summary: 'Add what the client saw to the session, for replay and funnels', access: ['user'], limits: ['api'], params: sessionParams,
    body: ClientEvent, example: { event: 'ui_help_opened', properties: { topic: 'opening hours' } },
    answers: { 201: z.object({ session_id: uuid, event: z.string() }).meta({ id: 'ClientEventAdded' }) },
    problems: ['wrong_state', 'precondition_failed'],
    handler: async ({ params, body, call, services }) => {
      const at = body.occurred_at === undefined ? null : Date.parse(body.occurred_at);
      if (ownEvents.test(body.event)) {
        throw badEvent(
          '/event', 'reserved_name', 'Names of the session\'s own events are taken.',
          'Give your event a name of its own, for example ui_help_opened.',
        );
      }
      if (at !== null && at > services.now() + 60_000) {
        throw badEvent('/occurred_at', 'outside_session', 'occurred_at lies in the future.', 'Send the time at which the client saw it.');
      }
      const properties = Object.fromEntries(Object.entries(body.properties).map(([name, value]) => [name, String(value)]));
      await services.sessions.addEvent(params.session_id, messageOf(call, { event: body.event, properties, occurred_at: at }));
      return created({ session_id: params.session_id, event: body.event });
    },
  }),
];

function messageOf<Body>(call: Call, body: Body) {
  return { id: call.operationId, fingerprint: '', actor: call.actor, correlation_id: call.correlationId, if_match: call.ifMatch, body };
}

/** Versions that the session itself no longer keeps come from the archive. */
async function resume(services: Services, call: Call, sessionId: string, version: number | null): Promise<Resumption> {
  const attempt = (body: ResumeBody) => services.sessions.resume(sessionId, messageOf(call, body));
  try {
    return await attempt({ version, current: null });
  } catch (error) {
    if (version === null || !(error instanceof MessageRejected && error.code === 'checkpoint_not_found')) throw error;
    const [archived] = await findCheckpoints(services.stores.db, call.actor.tenant, sessionId, [version]);
    if (archived === undefined) throw error;
    const context = sealedAs.checkpoint(call.actor.tenant, sessionId, version);
    const content = openJson<CheckpointContent>(services.stores.sealer, archived.answers, context);
    const resumed = await attempt({ version, current: content.current, ui_state: content.ui_state });
    if (resumed.kind !== 'recorded') return resumed;
    const outcome = { ...resumed.reply.outcome, checkpoint_created_at: archived.checkpoint.created_at };
    return { ...resumed, reply: { ...resumed.reply, outcome }, source: 'postgresql' };
  }
}

/** Answers of a session with many stand in no outcome. */
async function currentAnswers(services: Services, call: Call, sessionId: string): Promise<Readonly<Record<string, Json>>> {
  const { answers } = await services.sessions.answers(call.actor, sessionId);
  return Object.fromEntries(answers.filter((entry) => !entry.superseded).map((entry) => [entry.question_id, entry.value]));
}

type Restored = Pick<z.input<typeof Resumed>, 'restored_data' | 'ui_state' | 'checkpoint_version' | 'source' | 'stale'> & {
  readonly createdAt: number;
};

async function restoredBy(services: Services, call: Call, resumed: Resumption): Promise<Restored> {
  if (resumed.kind === 'stale') {
    const { checkpoint: { answers, ui_state, version, created_at: createdAt }, source } = resumed;
    return { restored_data: { ...answers }, ui_state, checkpoint_version: version, createdAt, source, stale: true };
  }
  const { reply: { outcome, view }, source } = resumed;
  const answers = outcome.answers ?? await currentAnswers(services, call, view.session_id);
  return {
    restored_data: { ...answers }, ui_state: outcome.ui_state, checkpoint_version: outcome.checkpoint_version,
    createdAt: outcome.checkpoint_created_at, source, stale: false,
  };
}

async function presentResumed(
  services: Services, view: SessionView, { createdAt, ...restored }: Restored,
): Promise<z.input<typeof Resumed>> {
  const { question } = await presentSession(services.flows, view, restored.stale);
  const type = view.state === 'awaiting_approval' ? 'show_recommendations' : view.state === 'generating' ? 'wait_for_recommendations'
    : 'continue_conversation';
  return {
    status: 'resumed', session_id: view.session_id, resumed_at: iso(services.now()), restored_state: view.state, ...restored,
    checkpoint_age_seconds: Math.max(0, Math.round((services.now() - createdAt) / 1_000)),
    questions_answered: view.answers_count, progress_percent: view.progress_percent, next_action: { type, question },
  };
}

function badEvent(pointer: string, code: string, message: string, fix: string): Problem {
  return new Problem('invalid_request', message, { errors: [{ pointer, code, message, fix }] });
}
