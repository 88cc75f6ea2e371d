import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { Problem, notFound } from '../problem.ts';
import { bodyHash, readKey } from '../idempotency.ts';
import { etagOf, iso, presentSession } from '../presentation.ts';
import { answered, retryText } from '../replies.ts';
import { questionTexts, type Flow } from '../../domain/flow.ts';
import { holds, type AnswerOutcome, type SessionView } from '../../domain/message.ts';
import { audited, ok, route } from '../route.ts';
import { rule } from '../validation.ts';
import { AnsweredSession, clientId, json, sessionParams, time } from '../wire.ts';

const messageId = z.string().max(130).optional().meta({ description: '1-128 printable characters. A repeat gets the first answer' });

// `null` skips an optional question, so a missing value must not read as null: the member has to be there
const AnswerRequest = z.strictObject({
  question_id: z.string().max(200).optional(), value: json.optional(), text: z.string().max(8_192).optional(), message_id: messageId,
}).refine(
  (body) => (body.value === undefined) !== (body.text === undefined),
  rule('value_or_text', 'must have either value or text', 'Send value (null skips an optional question) or text, and not both.'),
).refine(
  (body) => body.text === undefined || body.question_id === undefined,
  rule('text_names_no_question', 'text answers the current question', 'Leave question_id out, or send value.'),
)
  .meta({ id: 'AnswerRequest' });

export const AnswersWire = z.object({
  answers: z.array(z.object({ question_id: z.string(), value: json, answered_at: time, superseded: z.boolean() })),
}).meta({ id: 'Answers' });

export const answerRoutes = [
  route.post('/sessions/:session_id/answers', {
    summary: 'Answer a question, or correct an earlier answer', access: ['user'], limits: ['api'], params: sessionParams,
    body: AnswerRequest, answers: { 200: AnsweredSession }, versioned: true,
    example: { question_id: 'setup_urgency', value: 'this_month', message_id: 'b4c1a3de-0f3a-4f0e-8a53-3f2f4d1f9a70' },
    problems: ['answer_invalid', 'not_asked', 'wrong_state', 'precondition_failed', 'idempotency_key_reused'],
    handler: async ({ params, body, call, services }) => {
      const content = body.text === undefined ? { question_id: body.question_id ?? null, value: body.value ?? null } : { text: body.text };
      const fingerprint = bodyHash(content).slice(0, 16);
      const reply = await services.sessions.answer(params.session_id, {
        id: body.message_id === undefined ? call.keyedRequest ?? randomUUID() : readKey(body.message_id), fingerprint, actor: call.actor,
        correlation_id: call.correlationId, if_match: call.ifMatch, body: content,
      });
      const { outcome, view } = reply;
      // the engine answers a repeated id by itself, before the session could ask who repeats it
      if (view.owner !== call.actor.subject) throw notFound();
      if (reply.fingerprint !== fingerprint) {
        throw new Problem('idempotency_key_reused', 'This message_id was used for another answer. Use a fresh one for each message.');
      }
      const flow = await services.flows.version(view.tenant, view.flow.id, view.flow.version);
      if (outcome.kind === 'not_asked') throw notAsked(outcome, flow, view);
      if (outcome.kind === 'refused') {
        throw new Problem('answer_invalid', retryText(flow, view.language, outcome.question_id), {
          errors: [outcome.mistake], members: { question_id: outcome.question_id }, headers: etagOf(view),
        });
      }
      return ok({ ...await presentSession(services.flows, view, false), ...answered(flow, view, outcome) }, etagOf(view));
    },
  }),
  route.get('/sessions/:session_id/answers', {
    summary: 'What was answered, superseded answers included', access: ['user'], limits: ['api'],
    audit: { action: 'answers.read', when: 'others' }, params: sessionParams, query: z.strictObject(clientId),
    answers: { 200: AnswersWire },
    handler: async ({ params, call, services }) => {
      const { answers } = await services.sessions.answers(call.actor, params.session_id);
      // the audit log asks whose they are; anyone else but these can only see their own
      const owner = holds(call.actor, 'approver') ? (await services.sessions.read(call.actor, params.session_id)).view.owner
        : call.actor.subject;
      return audited(
        ok({
          answers: answers.map((entry) => ({
            question_id: entry.question_id, value: entry.value, answered_at: iso(entry.answered_at), superseded: entry.superseded,
          })),
        }),
        { owner },
      );
    },
  }),
];

/** Names the question that is asked now, so that nobody has to read the session first. */
function notAsked(
  { question_id: named, overtaken }: Extract<AnswerOutcome, { kind: 'not_asked' }>, flow: Flow, view: SessionView,
): Problem {
  const current = view.question?.id ?? null;
  const why = overtaken === true ? 'While your words were being read the session went on, and what was said meanwhile stands.'
    : named === null ? 'There is no question to answer.' : `The question ${named} is not the current one and was not asked before.`;
  const now = current === null ? `Nothing is asked now: the session is in state ${view.state}.`
    : `The current question is ${current}: ${questionTexts(flow, view.language, current).prompt}`;
  return new Problem('not_asked', `${why} ${now}`, {
    members: { current_question: current, state: view.state, ...(overtaken === true ? { overtaken } : {}) }, headers: etagOf(view),
  });
}
