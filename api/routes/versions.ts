/** A session as it was at any of its checkpoints. */
import { z } from 'zod';
import { shapeOf, shapeTypes } from '../../domain/answer-shape.ts';
import type { Json } from '../../domain/json.ts';
import { sessionStates, stages } from '../../domain/lifecycle.ts';
import type { AnswerChange } from '../../domain/version.ts';
import { iso } from '../presentation.ts';
import { audited, ok, route } from '../route.ts';
import { clientId, json, time, uuid } from '../wire.ts';

const shape = z.object({ type: z.enum(shapeTypes), length: z.number().int().optional() })
  .meta({ id: 'AnswerShape', description: 'In place of a value that the caller has not asked for: code points, items or members' });
const value = json.optional();

export const Version = z.object({
  session_id: uuid, version: z.number().int(), kind: z.enum(['auto', 'stage', 'manual']), label: z.string().nullable(),
  state: z.enum(sessionStates), stage: z.enum(stages), progress_percent: z.number().int(), created_at: time, checkpoint_hash: z.string(),
  answers: z.array(z.object({ question_id: z.string(), answered_at: time, value, shape: shape.optional() })),
  changes_since_previous: z.array(z.object({
    question_id: z.string(), change: z.enum(['answered', 'amended', 'superseded']), value, shape: shape.optional(),
    previous_value: value, previous_shape: shape.optional(),
  })),
  source: z.enum(['history', 'postgresql']),
}).meta({ id: 'Version' });

export const versionRoutes = [
  route.get('/sessions/:session_id/versions/:version', {
    summary: 'The session as it was at a checkpoint, and what had changed since the one before', access: ['user'], limits: ['api'],
    audit: { action: 'version.read', when: 'others' },
    params: z.object({ session_id: uuid, version: z.coerce.number().int().min(1).max(2_147_483_647) }),
    query: z.strictObject({
      ...clientId,
      include: z.literal('answers').optional().meta({ description: 'An admin sees what was said, not its shape alone; audited' }),
      reason: z.string().trim().min(1).max(1_000).optional().meta({ description: 'Why, for the audit log' }),
    }),
    answers: { 200: Version }, problems: ['checkpoint_not_found'],
    handler: async ({ params, query, call, services }) => {
      const { owner, version, source } = await services.sessions.version(call.actor, params.session_id, params.version);
      const isPlain = owner === call.actor.subject || query.include === 'answers';
      const { checkpoint } = version;
      return audited(ok({
        session_id: params.session_id, version: checkpoint.version, kind: checkpoint.kind, label: checkpoint.label, state: checkpoint.state,
        stage: version.stage, progress_percent: checkpoint.progress_percent, created_at: iso(checkpoint.created_at),
        checkpoint_hash: checkpoint.hash,
        answers: version.answers.map((said) => ({
          question_id: said.question_id, answered_at: iso(said.answered_at), ...shown('', said.value, isPlain),
        })),
        changes_since_previous: version.changes.map((change) => presentChange(change, isPlain)), source,
      }), {
        owner, details: { version: checkpoint.version, answers: isPlain }, ...(query.reason === undefined ? {} : { reason: query.reason }),
      });
    },
  }),
];

function presentChange(change: AnswerChange, isPlain: boolean) {
  return {
    question_id: change.question_id, change: change.change,
    ...('value' in change ? shown('', change.value, isPlain) : {}),
    ...('previous_value' in change ? shown('previous_', change.previous_value, isPlain) : {}),
  };
}

function shown(prefix: '' | 'previous_', value: Json, isPlain: boolean): Readonly<Record<string, unknown>> {
  return isPlain ? { [`${prefix}value`]: value } : { [`${prefix}shape`]: shapeOf(value) };
}
