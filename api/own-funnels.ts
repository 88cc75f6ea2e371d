/** Funnels of one's own as they are asked for: in a query or as a body, checked once, and worked out in one way. */
import { z } from 'zod';
import { dimensions, type Breakdown } from '../analytics/own-funnel/breakdown.ts';
import { orders } from '../analytics/own-funnel/attempt.ts';
import { TooManyHistories, type OwnFunnel } from '../analytics/own-funnel/cohort.ts';
import {
  conditionsMax, namesIn, stepsMax, stepsMin, windowSecondsMax, type FunnelDefinition, type FunnelStep,
} from '../analytics/own-funnel/definition.ts';
import { symbolsMax } from '../analytics/history.ts';
import type { SessionFilters } from '../analytics/sessions-in.ts';
import type { Json } from '../domain/json.ts';
import { findSymbols } from '../stores/postgres/session-histories.ts';
import { closedQuestion } from './known-filters.ts';
import { Problem } from './problem.ts';
import type { Services } from './services.ts';

/** Of an event, a property, a value. Longer ones are told by nobody. */
const nameMax = 200;
const textMax = 2_000;
const whereMax = 5;
/** Of the steps as text: they stand in the address of every list behind a figure. */
const stepsTextMax = 6_000;

const names = z.string().max(stepsMax * (nameMax + 1));

/** As a query asks for one. Rules that a reader should be told in words of their own are in `definitionOf`. */
export const funnelQuery = {
  steps: names.optional().meta({
    description: `${stepsMin} to ${stepsMax} events, separated by commas; question_answered:ID names a question`,
  }),
  order: z.enum(orders).optional().meta({ description: 'ordered where nothing is said' }),
  window_seconds: z.coerce.number().optional().meta({ description: `1 to ${windowSecondsMax}; from the first to the last event` }),
  consider: names.optional().meta({ description: 'Events that strict minds beside the steps; all where nothing is said' }),
  with: names.optional().meta({ description: 'Only sessions that have each of these events' }),
  without: names.optional().meta({ description: 'Only sessions that have none of these events' }),
};
export const breakdownQuery = {
  breakdown: names.optional().meta({ description: `${dimensions.join(', ')} or answer:QUESTION_ID` }),
};

export const FunnelBody = {
  steps: z.array(z.strictObject({
    event: z.string().max(textMax), question_id: z.string().max(nameMax).optional(),
    where: z.record(z.string().max(nameMax), z.union([z.string().max(textMax), z.number(), z.boolean()])).optional()
      .meta({ description: 'Properties that the event has to have' }),
    optional: z.boolean().optional(),
  })).max(200),
  order: z.enum(orders).optional(), window_seconds: z.number().optional(), consider: z.array(z.string().max(textMax)).max(100).optional(),
  with: z.array(z.string().max(textMax)).max(100).optional(), without: z.array(z.string().max(textMax)).max(100).optional(),
};
export const FunnelDefinitionWire = z.strictObject(FunnelBody).meta({ id: 'FunnelDefinition' });
export type FunnelDefinitionBody = z.output<typeof FunnelDefinitionWire>;

export type FunnelQuery = z.output<z.ZodObject<typeof funnelQuery>>;

/** null: none is asked for. Throws `invalid_steps` and `invalid_window`. */
export function definitionInQuery(query: FunnelQuery): FunnelDefinition | null {
  const { steps, order, window_seconds: window, consider, with: having, without } = query;
  if (steps === undefined) {
    const more = (['order', 'window_seconds', 'consider', 'with', 'without'] as const).find((name) => query[name] !== undefined);
    if (more !== undefined) throw invalidSteps('/steps', `${more} belongs to a funnel of one's own, and no steps are named.`,
      'Name steps, or leave it out.');
    return null;
  }
  const list = (text: string | undefined): string[] | undefined => text?.split(',');
  return definitionOf({
    steps: steps.split(',').map((event) => ({ event })), order, window_seconds: window, consider: list(consider), with: list(having),
    without: list(without),
  });
}

/** Throws `invalid_steps` and `invalid_window`. */
export function definitionOf(body: FunnelDefinitionBody): FunnelDefinition {
  const { order = 'ordered', window_seconds: window, consider, with: having = [], without = [] } = body;
  const steps = body.steps.map(stepOf);
  if (steps.length < stepsMin || steps.length > stepsMax) {
    throw invalidSteps('/steps', `A funnel has ${stepsMin} to ${stepsMax} steps; here are ${steps.length}.`,
      `Name ${stepsMin} to ${stepsMax} events.`);
  }
  if (steps[0]?.optional === true || steps.at(-1)?.optional === true) {
    throw invalidSteps('/steps', 'The first and the last step cannot be optional.', 'Leave optional out there.');
  }
  for (const [place, list] of Object.entries({ consider, with: having, without })) {
    list?.forEach((name, index) => { checkName(`/${place}/${index}`, name); });
    if ((list?.length ?? 0) > (place === 'consider' ? stepsMax : conditionsMax)) {
      throw invalidSteps(`/${place}`, `${place} names too many events.`,
        `Name at most ${place === 'consider' ? stepsMax : conditionsMax}.`);
    }
  }
  if (consider !== undefined && order !== 'strict') {
    throw invalidSteps('/consider', 'consider says what strict minds, and this funnel is not strict.',
      'Use order=strict, or leave consider out.');
  }
  if (window !== undefined && !(Number.isInteger(window) && window >= 1 && window <= windowSecondsMax)) throw invalidWindow();
  if (JSON.stringify(steps).length > stepsTextMax) {
    throw invalidSteps('/steps', `The steps have more than ${stepsTextMax} characters.`, 'Ask for fewer properties.');
  }
  return { steps, order, window_seconds: window ?? null, consider: consider ?? null, with: having, without };
}

function stepOf(step: FunnelDefinitionBody['steps'][number], index: number): FunnelStep {
  const place = `/steps/${index}`;
  checkName(place, step.event);
  if (step.question_id !== undefined) checkName(`${place}/question_id`, step.question_id);
  const where = Object.entries(step.where ?? {});
  if (where.length > whereMax) throw invalidSteps(`${place}/where`, 'A step asks for too many properties.', `Ask for at most ${whereMax}.`);
  return {
    event: step.question_id === undefined ? step.event : `${step.event}:${step.question_id}`,
    where: Object.fromEntries(where.map(([key, value]) => [key, String(value)])), optional: step.optional ?? false,
  };
}

function checkName(pointer: string, name: string): void {
  if (name.trim() !== '' && name.length <= 2 * nameMax && /^[^\p{Cc},]+$/u.test(name)) return;
  throw invalidSteps(pointer, `An event has a name of 1-${nameMax} printable characters without a comma.`,
    'GET /analytics/events/ says which there are.');
}

function invalidSteps(pointer: string, message: string, fix: string): Problem {
  return new Problem('invalid_steps', message, { errors: [{ pointer, code: 'invalid_steps', message, fix }] });
}

function invalidWindow(): Problem {
  const message = `A window is a whole number of seconds from 1 to ${windowSecondsMax} (400 days).`;
  return new Problem('invalid_window', message, {
    errors: [{ pointer: '/window_seconds', code: 'invalid_window', message, fix: 'Leave it out for a funnel without a window.' }],
  });
}

/** null: none. Throws `unknown_filter_value`. */
export async function breakdownOf(
  services: Services, { tenant, flow }: Pick<SessionFilters, 'tenant' | 'flow'>, text: string | undefined,
): Promise<Breakdown | null> {
  if (text === undefined) return null;
  const dimension = dimensions.find((each) => each === text);
  if (dimension !== undefined) return dimension;
  if (text.startsWith('answer:')) return { answer: await closedQuestion(services, tenant, flow, text.slice('answer:'.length)) };
  const message = `There is no breakdown of this name. There are: ${dimensions.join(', ')}, answer:QUESTION_ID.`;
  throw new Problem('unknown_filter_value', message, {
    errors: [{ pointer: '/breakdown', code: 'unknown_filter_value', message, fix: 'Use one of them.' }],
    members: { known_values: dimensions },
  });
}

export function breakdownText(breakdown: Breakdown): string {
  return typeof breakdown === 'string' ? breakdown : `answer:${breakdown.answer}`;
}

/** With what the tenant's histories have of its names. */
export async function ownFunnelOf(
  services: Services, filters: SessionFilters, now: number, definition: FunnelDefinition,
): Promise<OwnFunnel> {
  const { numbers, keys } = await findSymbols(services.stores.db, filters.tenant, namesIn(definition));
  return { definition, filters, now, symbols: { numbers, full: keys >= symbolsMax } };
}

/** A figure is right or it is refused. */
export async function countable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof TooManyHistories)) throw error;
    const message = `${error.message}: so many cannot be worked out at once.`;
    throw new Problem('too_many_histories', message, {
      cause: error,
      errors: [{ pointer: '/steps', code: 'too_many_histories', message,
        fix: 'Ask for a shorter period, fewer sessions or fewer steps, or leave the window out.' }],
    });
  }
}

/** As parameters of GET /analytics/sessions/, and as they are kept by a name. */
export function definitionParameters(definition: FunnelDefinition): Readonly<Record<string, string | number | undefined>> {
  const { steps, order, window_seconds: window, consider, with: having, without } = definition;
  const plain = steps.every(({ where, optional }) => !optional && Object.keys(where).length === 0);
  const list = (all: readonly string[] | null): string | undefined => (all === null || all.length === 0 ? undefined : all.join(','));
  return {
    ...(plain ? { steps: steps.map(({ event }) => event).join(',') } : { steps_json: JSON.stringify(stepsJson(steps)) }),
    order: order === 'ordered' ? undefined : order, window_seconds: window ?? undefined,
    consider: list(consider), with: list(having), without: list(without),
  };
}

export function definitionJson({ steps, order, window_seconds: window, consider, with: having, without }: FunnelDefinition): Json {
  return {
    steps: stepsJson(steps), order, ...(window === null ? {} : { window_seconds: window }),
      ...(consider === null ? {} : { consider: [...consider] }),
    ...(having.length === 0 ? {} : { with: [...having] }), ...(without.length === 0 ? {} : { without: [...without] }),
  };
}

function stepsJson(steps: readonly FunnelStep[]): Json[] {
  return steps.map(({ event, where, optional }) => ({
    event, ...(Object.keys(where).length === 0 ? {} : { where: { ...where } }), ...(optional ? { optional } : {}),
  }));
}

const StepsText = z.string().max(2 * stepsTextMax);
export const listedFunnelQuery = {
  ...funnelQuery, ...breakdownQuery,
  steps_json: StepsText.optional().meta({ description: 'Steps as in POST /analytics/funnel/, as JSON' }),
  level: z.coerce.number().int().min(1).max(stepsMax).optional().meta({ description: 'A place among the steps, from 1' }),
  cell: z.string().max(textMax).optional().meta({ description: 'A label of the breakdown' }),
  other: z.literal('true').optional().meta({ description: 'All but the largest parts of the breakdown' }),
};

/** null: the stage funnel. */
export function definitionInLink(query: FunnelQuery & { readonly steps_json?: string | undefined }): FunnelDefinition | null {
  if (query.steps_json === undefined) return definitionInQuery(query);
  const { steps_json: text, order, window_seconds, consider, with: having, without } = query;
  let steps: unknown;
  try {
    steps = JSON.parse(text);
  } catch {
    throw invalidSteps('/steps_json', 'This is no JSON.', 'Use the drill_down of a report as it is.');
  }
  const read = FunnelDefinitionWire.shape.steps.safeParse(steps);
  if (!read.success) throw invalidSteps('/steps_json', 'These are no steps.', 'Use the drill_down of a report as it is.');
  return definitionOf({
    steps: read.data, order, window_seconds, consider: consider?.split(','), with: having?.split(','), without: without?.split(','),
  });
}
