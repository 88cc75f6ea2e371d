import { z } from 'zod';
import { roles } from '../../domain/message.ts';
import { cookieOf, cookieTokenMax, noCookie } from '../console-cookie.ts';
import { iso } from '../presentation.ts';
import { Problem } from '../problem.ts';
import { empty, nothing, ok, route } from '../route.ts';
import { rule } from '../validation.ts';
import { clientId, time } from '../wire.ts';

const SignInRequest = z.strictObject({
  token: z.string().max(cookieTokenMax, rule(
    'too_long', `is longer than the ${cookieTokenMax} characters that a browser keeps`, 'Have your identity provider put less into it.',
  )),
}).meta({ id: 'SignInRequest' });

export const ConsoleSession = z.object({
  sub: z.string(), tenant: z.string(), roles: z.array(z.enum(roles)),
    expires_at: time.nullable().meta({ description: 'null: of a key without an end' }),
}).meta({ id: 'ConsoleSession' });

export const consoleRoutes = [
  route.post('/console/session', {
    summary: 'Sign in to the console: the token becomes a cookie that no script can read', access: 'anyone', signsIn: true, limits: ['api'],
    query: z.strictObject({ ...clientId }), body: SignInRequest, answers: { 204: nothing }, example: { token: 'eyJhbGciOi...' },
    headers: { answer: { 'Set-Cookie': 'Kept until the token ends' } },
    handler: ({ body, call, services }) => {
      const seconds = Math.floor((call.expiresAt - services.now()) / 1_000);
      if (seconds <= 0) throw new Problem('unauthenticated', 'The token has expired. Get a new one.');
      return Promise.resolve(empty(204, { 'Set-Cookie': cookieOf(body.token, seconds), 'Cache-Control': 'no-store' }));
    },
  }),
  route.get('/console/session', {
    summary: 'Who is signed in', access: [...roles], limits: ['api'], wholeCredential: true, answers: { 200: ConsoleSession },
    handler: ({ call }) => {
      const { subject, tenant, roles: held } = call.actor;
      const end = Number.isFinite(call.expiresAt) ? iso(call.expiresAt) : null;
      return Promise.resolve(ok({ sub: subject, tenant, roles: [...held], expires_at: end }, { 'Cache-Control': 'no-store' }));
    },
  }),
  route.delete('/console/session', {
    summary: 'Sign out of the console', access: [...roles], limits: ['api'], answers: { 204: nothing },
    headers: { answer: { 'Set-Cookie': 'Takes the cookie away' } },
    handler: () => Promise.resolve(empty(204, { 'Set-Cookie': noCookie })),
  }),
];
