import { z } from 'zod';
import { flowTitle, matchLanguage, wireQuestion, type Flow } from '../../domain/flow.ts';
import { listed, readCursorAs } from '../cursor.ts';
import { notFound } from '../problem.ts';
import { ok, route } from '../route.ts';
import { clientId, listOf, paging, QuestionWire } from '../wire.ts';

export const FlowWire = z.object({
  id: z.string(), version: z.number().int(), title: z.string(), description: z.string(), languages: z.array(z.string()),
  default_language: z.string(),
}).meta({ id: 'Flow' });

const language = z.string().max(35).optional()
  .meta({ description: "Language of the texts, matched as at the start of a session; the flow's default when it has none like it" });
const place = z.strictObject({ list: z.literal('flows'), id: z.string() });

export const flowRoutes = [
  route.get('/flows', {
    summary: 'Flows that can be started, by their ids', access: ['user', 'approver', 'analyst'], limits: ['api'],
    query: z.strictObject({ ...clientId, ...paging, language }),
    answers: { 200: listOf(FlowWire) },
    handler: async ({ query, call, services }) => {
      const after = readCursorAs(place, query.cursor);
      const flows = await services.flows.all(call.actor.tenant);
      const left = flows.filter(({ id }) => after === null || id > after.id);
      const rows = left.slice(0, query.limit);
      const next = left.length > rows.length ? { list: 'flows', id: rows.at(-1)?.id } : null;
      return ok(listed({ total: flows.length, totalIsAtLeast: false, next }, rows.map((flow) => presentFlow(flow, query.language))));
    },
  }),
  route.get('/flows/:flow_id', {
    summary: 'One flow with its questions', access: ['user', 'approver', 'analyst'], limits: ['api'],
    params: z.object({ flow_id: z.string().max(100) }), query: z.strictObject({ ...clientId, language }),
    answers: { 200: FlowWire.extend({ questions: z.array(QuestionWire) }).meta({ id: 'FlowWithQuestions' }) },
    handler: async ({ params, query, call, services }) => {
      const flow = await services.flows.newest(call.actor.tenant, params.flow_id);
      if (flow === null) throw notFound();
      const chosen = languageOf(flow, query.language);
      return ok({
        ...presentFlow(flow, chosen),
        questions: flow.rules.questions.map((rule) => wireQuestion(flow, chosen, rule) as z.input<typeof QuestionWire>),
      });
    },
  }),
];

function languageOf(flow: Flow, asked: string | undefined): string {
  return (asked === undefined ? null : matchLanguage(flow, asked)) ?? flow.default_language;
}

export function presentFlow(flow: Flow, asked?: string): z.input<typeof FlowWire> {
  return {
    id: flow.id, version: flow.version, ...flowTitle(flow, languageOf(flow, asked)), languages: [...flow.languages],
    default_language: flow.default_language,
  };
}
