import { z } from 'zod';
import { route } from '../route.ts';
import { StreamEventWire } from '../session-streams.ts';
import { clientId, sessionParams } from '../wire.ts';

export const streamRoutes = [
  route.get('/sessions/:session_id/events', {
    summary: 'Live events of a session; Last-Event-ID resumes', access: ['user'], limits: ['api'],
    audit: { action: 'session.events', when: 'others' }, params: sessionParams, query: z.strictObject(clientId),
    streams: true, answers: { 200: StreamEventWire }, problems: ['too_many_streams'],
    handler: async ({ params, call, services }) => {
      const { stream, owner } = await services.streams.follow(call, params.session_id);
      return { stream, audit: { owner } };
    },
  }),
];
