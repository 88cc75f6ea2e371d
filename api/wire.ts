/** The shapes of the HTTP contract. One schema, three uses: validate, type, document. */
import { z } from 'zod';
import { questionTypes } from '../domain/flow.ts';
import type { Json } from '../domain/json.ts';
import { sessionStates, stages } from '../domain/lifecycle.ts';
import { listTotalMax } from '../stores/postgres/keyset-page.ts';
import { problemCodes } from './problem.ts';
import { rule } from './validation.ts';

/** Bodies are JSON when they come here: nothing is checked but that there is a value. A schema of itself is more than programs can read. */
export const json = z.unknown()
  .refine((value) => value !== undefined, rule('missing_field', 'is missing', 'Give any JSON value; null is one.'))
  .meta({ description: 'Any JSON value' }) as z.ZodType<Json>;
export const time = z.iso.datetime({ precision: 3 }).meta({
  description: 'RFC 3339, UTC, milliseconds', example: '2026-11-25T08:30:00.000Z',
});
/** In capitals it is the same one (RFC 9562). */
export const uuid = z.uuid().toLowerCase();
/** As a request gives a time, with any offset. */
export const moment = z.iso.datetime({ offset: true })
  .refine((text) => Date.parse(text) >= 0, rule('out_of_range', 'must be a time since 1970', 'Give a later time.'));
export const rate = z.number().min(0).max(1);
/** null: of 0 of 0. */
export const rateOrNull = rate.nullable();
export const count = z.number().int().min(0);
/** With at most 3 decimals; null: of nobody. */
export const minutes = z.number().nullable();
/** Beside a number of sessions. */
export const drill_down = z.string().meta({ description: 'Path of the list of exactly these sessions' });
/** Lower and upper bound of a rate. */
export const interval = z.array(rate).length(2).readonly();

export const QuestionWire = z.object({
  id: z.string(), type: z.enum(questionTypes), prompt: z.string(), help: z.string().nullable(),
  options: z.array(z.object({ value: z.string(), label: z.string() })), required: z.boolean(),
  min: z.union([z.number(), z.string()]).nullable(), max: z.union([z.number(), z.string()]).nullable(), pattern: z.string().nullable(),
  group: z.string().optional(), suggested: json.optional().meta({ description: 'The former value of a question that has come back' }),
}).meta({ id: 'Question' });

export const SessionWire = z.object({
  session_id: uuid, tenant: z.string(), owner: z.string(), flow: z.object({ id: z.string(), version: z.number().int() }),
  language: z.string(),
  state: z.enum(sessionStates), stage: z.enum(stages), progress_percent: z.number().int().min(0).max(100),
  question: QuestionWire.nullable(),
  answers_count: z.number().int(), checkpoint_version: z.number().int(), created_at: time, last_activity_at: time,
  ended_at: time.nullable(),
  stale: z.boolean().meta({ description: 'true: read from a copy while the engine is away' }),
  waiting_since: time.nullable().meta({ description: 'Since when it waits for an approver; null: it does not' }),
  notice: z.object({
    title: z.string(), message: z.string(), action: z.string(), help: z.string(),
    goes_on_by: time.nullable().meta({ description: 'When it goes on by itself at the latest; null: when an operator has seen to it' }),
  }).nullable()
    .meta({ description: 'What to tell the person while the next step waits for an operator' }),
}).meta({ id: 'Session' });

export const StartedSession = SessionWire.extend({ resumed: z.boolean().optional() }).meta({ id: 'StartedSession' });

export const AnsweredSession = SessionWire.extend({
  accepted: z.array(z.object({ question_id: z.string(), value: json }))
    .meta({ description: 'What was taken. Empty when the text was asked back, or was itself a question' }),
  understood: z.array(z.object({ question_id: z.string(), value: json, display: z.string() }))
    .meta({ description: 'The same, each said in the session\'s language; of personal data display is a mask' }),
  reply: z.string().meta({ description: 'What to tell the person: each value said back and what comes next, or what is asked back' }),
}).meta({ id: 'AnsweredSession' });

export const targetValues = z.record(z.string(), json);

export const ChangeWire = z.object({
  sequence: z.number().int(), recommendation_id: uuid, target: z.string(), operation: z.enum(['create', 'update', 'delete']),
  before: targetValues.nullable(), after: targetValues.nullable(),
}).meta({ id: 'Change' });

/** `{results, total, next_cursor}`, and `total_is_at_least` where there are more than are counted. */
export const listOf = <Item extends z.ZodType>(item: Item) => z.object({
  results: z.array(item), total: z.number().int().min(0).max(listTotalMax),
  total_is_at_least: z.boolean().optional().meta({ description: `true: there are more than ${listTotalMax}, and nobody counts them` }),
  next_cursor: z.string().nullable(),
});

export const MistakeWire = z.object({ pointer: z.string(), code: z.string(), message: z.string(), fix: z.string() });

export const ProblemWire = z.looseObject({
  type: z.string(), title: z.string(), status: z.number().int(), detail: z.string(), instance: z.string(),
  code: z.enum(problemCodes).meta({ description: 'What a program decides by' }),
  correlation_id: z.string(),
  errors: z.array(MistakeWire),
}).meta({ id: 'Problem', description: 'RFC 9457 problem details' });

export const sessionParams = z.object({ session_id: uuid });

export const paging = {
  limit: z.coerce.number().int().min(1).max(100).default(20).meta({ description: 'Rows of a page' }),
  cursor: z.string().max(500).optional().meta({ description: 'next_cursor of the page before' }),
};

/** Platform names the tenant it acts in; nobody else may. Handled before the route. */
export const clientId = { client_id: z.string().max(128).optional().meta({ description: 'Tenant to act in (platform role only)' }) };
