import { z } from 'zod';
import type { Mistake } from '../../domain/message.ts';
import type { FlowProblem } from '../../flows/files.ts';
import { Problem } from '../problem.ts';
import { audited, created, ok, route } from '../route.ts';
import { clientId, json } from '../wire.ts';
import { FlowWire, presentFlow } from './flows.ts';

const documentBytes = 262_144;
/** A document that is wrong from end to end has tens of thousands of them. */
const shownMistakes = 200;

const FlowDocument = z.record(z.string(), json).meta({
  id: 'FlowDocument',
  description: 'A flow in the form of flows/*.yaml, at most 256 KB. `id` may be left out; '
    + '`version` is given by the service, and one that is sent is not looked at',
});

const flowExample = {
  default_language: 'en', languages: ['en'], title: 'Set up a desk',
  questions: [{ id: 'desk_name', type: 'text', prompt: 'What is the desk called?' }],
  recommendations: [{
    id: 'log', target: { type: 'type_assist', key: 'slug(desk_name)' }, values: { code: "'LOG'", label: "'Log'", category: "'desk'" },
    confidence: 0.9, always: true, rationale: 'Every desk has a log.',
  }],
};

export const flowPublishingRoutes = [
  route.put('/admin/flows/:flow_id', {
    summary: 'Publish the next version of a flow of the tenant; 200 and nothing new when it is the newest one once more',
    access: ['admin'], limits: ['api'], audit: 'flow.publish', params: z.object({ flow_id: z.string().max(100) }),
    query: z.strictObject(clientId), body: FlowDocument, example: flowExample,
    answers: { 201: FlowWire, 200: FlowWire }, problems: ['flow_invalid'],
    handler: async ({ params, body, call, services }) => {
      if (Buffer.byteLength(JSON.stringify(body)) > documentBytes) {
        throw new Problem('payload_too_large', `A flow has at most ${documentBytes} bytes.`);
      }
      const publication = await services.flows.publish(call.actor.tenant, params.flow_id, body);
      if ('problems' in publication) throw flowInvalid(publication.problems);
      const { flow, isNew } = publication;
      return audited(isNew ? created(presentFlow(flow)) : ok(presentFlow(flow)), { details: { version: flow.version, is_new: isNew } });
    },
  }),
];

function flowInvalid(problems: readonly FlowProblem[]): Problem {
  const shown = problems.length > shownMistakes ? `; the first ${shownMistakes} are listed` : '';
  const count = problems.length === 1 ? '1 mistake' : `${problems.length} mistakes`;
  return new Problem('flow_invalid', `The flow has ${count}${shown}. Nothing was published.`, {
    errors: problems.slice(0, shownMistakes).map(mistakeOf),
  });
}

function mistakeOf({ path, reason }: FlowProblem): Mistake {
  const message = `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
  if (reason.startsWith('unknown field')) {
    return { pointer: path, code: 'unknown_field', message, fix: 'Leave it out, or correct its name.' };
  }
  if (reason.startsWith('missing field')) return { pointer: path, code: 'missing_field', message, fix: 'Add it.' };
  if (reason.includes('no text in the default language') || reason.endsWith('is empty')) {
    return {
      pointer: path, code: 'missing_text', message, fix: 'Write this text in the default language; other languages fall back to it.',
    };
  }
  return { pointer: path, code: 'invalid_value', message, fix: 'Correct what stands there. docs/flows.md has the rules of each field.' };
}
