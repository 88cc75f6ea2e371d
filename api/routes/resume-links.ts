/** Links that lead a person back: made by the owner or an admin, spent once by whoever holds them, without a credential. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { isEnded } from '../../domain/lifecycle.ts';
import { MessageRejected, type SessionView } from '../../domain/message.ts';
import { personName } from '../../domain/person.ts';
import { findApiKey, keySubject, subjectOfKey } from '../../stores/postgres/api-keys.ts';
import { addResumeLink, spendResumeLink } from '../../stores/postgres/resume-links.ts';
import { notFound, Problem } from '../problem.ts';
import { audited, created, ok, route } from '../route.ts';
import type { Services } from '../services.ts';
import { rule } from '../validation.ts';
import { sessionParams, time, uuid } from '../wire.ts';

const changedMeanwhile = 'The session has changed since you read it. Read it again, then repeat.';
/** 30 days, in seconds. */
const ttlMost = 2_592_000;
/** 32 random bytes. */
const secretForm = /^[\w-]{43}$/;

export const ResumeLinkWire = z.object({
  url: z.string().nullable().meta({ description: 'Shown once, here; null in a repeat by Idempotency-Key' }), expires_at: time,
}).meta({ id: 'ResumeLink' });
export const SpentLinkWire = z.object({ token: z.string(), session_id: uuid, expires_in: z.number().int() }).meta({ id: 'SpentLink' });

export const resumeLinkRoutes = [
  route.post('/sessions/:session_id/resume-link', {
    summary: 'A link that leads the person back into the session, once; it ends the former link', access: ['user'], limits: ['api'],
    audit: { action: 'resume_link.create', when: 'others' }, params: sessionParams, shownOnce: ['url'], wholeCredential: true,
    body: z.strictObject({ ttl_seconds: z.number().int().min(1).max(ttlMost).default(604_800) }).meta({ id: 'ResumeLinkRequest' }),
    example: { ttl_seconds: 86_400 },
    answers: { 201: ResumeLinkWire },
    problems: ['wrong_state', 'precondition_failed'],
    handler: async ({ params, body, call, services }) => {
      const { view } = await services.sessions.read(call.actor, params.session_id);
      if (isEnded(view.state)) throw new MessageRejected('wrong_state', `A session in state ${view.state} cannot be resumed.`);
      if (call.ifMatch?.includes(view.version) === false) throw new MessageRejected('precondition_failed', changedMeanwhile);
      const holder = {
        tenant: view.tenant, session_id: view.session_id, owner: view.owner, person: await personBehind(services, view),
      };
      const secret = randomBytes(32).toString('base64url');
      const expires = await services.stores.db.asTenant(view.tenant).transaction(
        (tx) => addResumeLink(tx, holder, secret, body.ttl_seconds),
      );
      return audited(
        created({ url: services.resumeLinks.urlOf(secret), expires_at: expires.toISOString() }),
        { owner: view.owner, details: { ttl_seconds: body.ttl_seconds } },
      );
    },
  }),
  route.post('/resume-links/spend', {
    summary: 'Spend a resume link: a token for its session. Needs no credential; opening the link spends nothing', access: 'anyone',
    limits: ['api'],
    body: z.strictObject({
      secret: z.string().max(200).refine(
        (text) => secretForm.test(text), rule('malformed_secret', 'is no secret of a link', 'Send what follows #r= in the link.'),
      ),
    }).meta({ id: 'SpendRequest' }),
    example: { secret: 'x'.repeat(43) },
    answers: { 200: SpentLinkWire },
    problems: ['link_used', 'link_expired'],
    handler: async ({ body, services }) => {
      const spent = await spendResumeLink(services.stores.db, body.secret);
      if ('holder' in spent) {
        const { tokens, seconds } = services.resumeLinks;
        return ok({ token: await tokens.issue(spent.holder), session_id: spent.holder.session_id, expires_in: seconds });
      }
      if (spent.refused === 'unknown') throw notFound();
      throw spent.refused === 'used' ? new Problem('link_used', 'This link was used before. A link leads back once: ask for a new one.')
        : new Problem('link_expired', 'This link has ended: its time is over, or a newer one was made. Ask for a new one.');
    },
  }),
];

/** An API key that owns a session acts for a human, as everywhere. */
async function personBehind(services: Services, { tenant, owner }: SessionView): Promise<string> {
  if (!subjectOfKey(owner)) return personName(tenant, owner);
  const key = await findApiKey(services.stores.db, owner.slice(keySubject.length));
  if (key?.person == null || key.revoked || key.expired) {
    throw new MessageRejected('wrong_state', 'The API key that owns this session counts no more, and neither would a link of its.');
  }
  return key.person;
}
