/** A session as it went, for whoever asks why it was left. */
import { z } from 'zod';
import { shapeOf } from '../../domain/answer-shape.ts';
import type { Json } from '../../domain/json.ts';
import { sessionStates } from '../../domain/lifecycle.ts';
import { holds } from '../../domain/message.ts';
import type { AnswerEntry, SessionEvent } from '../../domain/session-state.ts';
import { iso } from '../presentation.ts';
import { notFound, Problem } from '../problem.ts';
import { replayedSession, type ReplayedSession } from '../replayed-session.ts';
import { audited, ok, route } from '../route.ts';
import { clientId, json, sessionParams, time, uuid } from '../wire.ts';

export const SessionReplay = z.object({
  session_id: uuid,
  timeline: z.array(z.object({
    sequence: z.number().int().min(1), timestamp: time, event_type: z.string(),
    data: z.record(z.string(), json).meta({ description: 'question_id, what the event says, and of an answer its shape or its value' }),
  })),
  session_summary: z.object({
    started_at: time, ended_at: time.nullable(), current_state: z.enum(sessionStates), total_events: z.number().int().min(0),
    duration_minutes: z.number().min(0).meta({ description: 'Up to its end, or to its last event' }),
  }),
  workflow: z.object({ id: z.string(), run_ids: z.array(z.string()).readonly(), temporal_ui: z.string().nullable() }).nullable()
    .meta({ description: 'null: it is of another system' }),
  complete: z.boolean().meta({ description: 'false: the engine is away, or old events are no longer kept' }),
}).meta({ id: 'SessionReplay' });

const said: ReadonlySet<string> = new Set(['question_answered', 'answer_amended']);

export const replayRoutes = [
  route.get('/dashboard/session-replay/:session_id', {
    summary: 'Everything that happened in a session, in order', access: ['analyst'], limits: ['api'], audit: 'session.replay',
    params: sessionParams,
    query: z.strictObject({
      ...clientId,
      include: z.literal('answers').optional().meta({ description: 'An admin sees what was said, not its shape alone; audited' }),
    }),
    answers: { 200: SessionReplay }, problems: ['forbidden'],
    handler: async ({ params, query, call, services }) => {
      const isPlain = query.include === 'answers';
      if (isPlain && !holds(call.actor, 'admin')) throw new Problem('forbidden', 'What was said is for admins. Leave out include.');
      const session = await replayedSession(services, call.actor, params.session_id);
      if (session === null) throw notFound();
      const workflow = session.isImported ? null : await services.sessionRuns(call.actor.tenant, params.session_id);
      const details = { answers: isPlain };
      return audited(ok({
        session_id: params.session_id, timeline: timelineOf(session, isPlain), session_summary: summaryOf(session),
        workflow: workflow === null ? null : {
          id: workflow.workflow_id, run_ids: workflow.run_ids, temporal_ui: services.temporalLink(workflow.workflow_id),
        },
        complete: session.complete,
      }), session.owner === null ? { details } : { owner: session.owner, details });
    },
  }),
];

function timelineOf({ events, answers }: ReplayedSession, isPlain: boolean): z.input<typeof SessionReplay>['timeline'] {
  const saidAt = Map.groupBy(answers, (entry) => keyOf(entry.question_id, entry.answered_at));
  return events.map((event) => ({
    sequence: event.sequence, timestamp: iso(event.at), event_type: event.event,
    data: {
      ...(event.question_id === '' ? {} : { question_id: event.question_id }), ...event.properties,
      ...(said.has(event.event) ? answerOf(event, saidAt, isPlain) : {}),
    },
  }));
}

/** What the event took: two answers to a question within a millisecond come in their order. */
function answerOf(
  { question_id: question, at }: SessionEvent, saidAt: ReadonlyMap<string, AnswerEntry[]>, isPlain: boolean,
): Readonly<Record<string, Json>> {
  const entry = saidAt.get(keyOf(question, at))?.shift();
  if (entry === undefined) return {};
  return isPlain ? { value: entry.value } : { shape: { ...shapeOf(entry.value) } };
}

function keyOf(question: string, at: number): string {
  return `${at} ${question}`;
}

function summaryOf({ started, ended, state, events }: ReplayedSession): z.input<typeof SessionReplay>['session_summary'] {
  const last = events.reduce((latest, { at }) => Math.max(latest, at), started);
  return {
    started_at: iso(started), ended_at: ended === null ? null : iso(ended), current_state: state,
    total_events: events.length, duration_minutes: Math.round((Math.max(ended ?? last, started) - started) / 60) / 1_000,
  };
}
