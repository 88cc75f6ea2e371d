import { z } from 'zod';
import { flowTitle, wireQuestion, type Flow } from '../../domain/flow.ts';
import { notFound } from '../problem.ts';
import { ok, route } from '../route.ts';
import { clientId, listOf, QuestionWire } from '../wire.ts';

export const FlowWire = z.object({
  id: z.string(), version: z.number().int(), title: z.string(), description: z.string(), languages: z.array(z.string()),
  default_language: z.string(),
}).meta({ id: 'Flow' });

const language = z.string().max(35).optional().meta({ description: "Language of the texts; the flow's default when absent" });

export const flowRoutes = [
  route.get('/flows', {
    summary: 'Flows that can be started', access: ['user', 'approver', 'analyst'], limits: ['api'],
    query: z.strictObject({ ...clientId, language }),
    answers: { 200: listOf(FlowWire) },
    handler: async ({ query, call, services }) => {
      const flows = await services.flows.all(call.actor.tenant);
      const results = flows.map((flow) => presentFlow(flow, query.language));
      return ok({ results, total: results.length, next_cursor: null });
    },
  }),
  route.get('/flows/:flow_id', {
    summary: 'One flow with its questions', access: ['user', 'approver', 'analyst'], limits: ['api'],
    params: z.object({ flow_id: z.string().max(100) }), query: z.strictObject({ ...clientId, language }),
    answers: { 200: FlowWire.extend({ questions: z.array(QuestionWire) }).meta({ id: 'FlowWithQuestions' }) },
    handler: async ({ params, query, call, services }) => {
      const flow = await services.flows.newest(call.actor.tenant, params.flow_id);
      if (flow === null) throw notFound();
      const chosen = query.language ?? flow.default_language;
      return ok({
        ...presentFlow(flow, chosen),
        questions: flow.rules.questions.map((rule) => wireQuestion(flow, chosen, rule) as z.input<typeof QuestionWire>),
      });
    },
  }),
];

export function presentFlow(flow: Flow, chosen = flow.default_language): z.input<typeof FlowWire> {
  return {
    id: flow.id, version: flow.version, ...flowTitle(flow, chosen), languages: [...flow.languages], default_language: flow.default_language,
  };
}
