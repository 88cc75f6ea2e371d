import { z } from 'zod';
import { notFound, Problem } from '../problem.ts';
import { audited, created, route } from '../route.ts';
import { StreamEventWire } from '../session-streams.ts';
import { ticketSeconds } from '../stream-tickets.ts';
import { clientId, sessionParams } from '../wire.ts';

const StreamTicket = z.object({
  ticket: z.string().nullable().meta({ description: 'Opens one stream. null in a repeat by Idempotency-Key: ask for another' }),
  expires_in: z.number().int().meta({ description: 'Seconds' }),
}).meta({ id: 'StreamTicket' });

/** For an EventSource, which can send no header of its own. */
const streamQuery = z.strictObject({
  ...clientId,
  ticket: z.string().max(100).optional().meta({ description: 'In place of a credential: opens this one stream' }),
  last_event_id: z.string().max(100).optional().meta({ description: 'As the header Last-Event-ID, which comes first' }),
});

export const streamRoutes = [
  route.get('/sessions/:session_id/events', {
    summary: 'Live events of a session; Last-Event-ID resumes', access: ['user'], limits: ['api'],
    audit: { action: 'session.events', when: 'others' }, params: sessionParams, query: streamQuery,
    streams: true, tickets: true, answers: { 200: StreamEventWire }, problems: ['too_many_streams'],
    handler: async ({ params, call, services }) => {
      const { stream, owner } = await services.streams.follow(call, params.session_id);
      return { stream, audit: { owner } };
    },
  }),
  route.post('/sessions/:session_id/events/ticket', {
    summary: 'A ticket that opens one stream of your session without a header, within a minute', access: ['user'], limits: ['api'],
    params: sessionParams, query: z.strictObject(clientId), body: z.strictObject({}).meta({ id: 'TicketRequest' }), example: {},
    answers: { 201: StreamTicket }, shownOnce: ['ticket'], problems: ['precondition_failed'],
    handler: async ({ params, call, services }) => {
      const { view } = await services.sessions.read(call.actor, params.session_id);
      if (view.owner !== call.actor.subject) throw notFound();
      if (call.ifMatch?.includes(view.version) === false) {
        throw new Problem('precondition_failed', 'The session has changed. Read it again.');
      }
      const ticket = await call.streamTicket(params.session_id);
      return audited(created({ ticket, expires_in: ticketSeconds }, { 'Cache-Control': 'no-store' }), { owner: view.owner });
    },
  }),
];
