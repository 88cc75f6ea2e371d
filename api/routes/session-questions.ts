/** What a session may ask, with the rules by which it does: a page that is cut off asks on by them. */
import { z } from 'zod';
import { flowTitle, wireQuestion } from '../../domain/flow.ts';
import { audited, ok, route } from '../route.ts';
import { clientId, json, QuestionWire, sessionParams } from '../wire.ts';

const AskedQuestion = QuestionWire.extend({
  pii: z.boolean().meta({ description: 'Personal data: keep no answer to it in a browser' }),
  when: json.meta({ description: 'The question is asked when this expression over earlier answers is true; null: always' }),
}).meta({ id: 'AskedQuestion' });

export const SessionQuestions = z.object({
  flow: z.object({ id: z.string(), version: z.number().int(), title: z.string() }), language: z.string(),
  questions: z.array(AskedQuestion).meta({ description: 'All of the flow, in its order' }),
}).meta({ id: 'SessionQuestions' });

export const sessionQuestionRoutes = [
  route.get('/sessions/:session_id/questions', {
    summary: "All questions of the session's flow, in its version and language", access: ['user'], limits: ['api'],
    audit: { action: 'questions.read', when: 'others' }, params: sessionParams, query: z.strictObject(clientId),
    answers: { 200: SessionQuestions },
    handler: async ({ params, call, services }) => {
      const { view } = await services.sessions.read(call.actor, params.session_id);
      const flow = await services.flows.version(view.tenant, view.flow.id, view.flow.version);
      const questions = flow.rules.questions.map((rule) => ({
        ...wireQuestion(flow, view.language, rule) as z.input<typeof QuestionWire>, pii: rule.pii, when: rule.when,
      }));
      return audited(
        ok({ flow: { ...view.flow, title: flowTitle(flow, view.language).title }, language: view.language, questions }),
        { owner: view.owner },
      );
    },
  }),
];
