/** A change target of the caller's own, over HTTP. The protocol is docs/change-target.md. */
import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { OutgoingRequestError, type OutgoingAnswer, type Post } from '../../outside/request.ts';
import {
  ChangeTargetError, knownValues, nameOf, type ChangeScope, type ChangeSteps, type CurrentValues, type RemoteTarget, type TargetChange,
  type TargetRef,
} from './port.ts';

/** Answers of the target, bytes. */
export const maxTargetAnswerBytes = 1_000_000;

export function createHttpTarget(baseUrl: string, post: Post): RemoteTarget {
  return { name: 'http', isTransactional: false, steps: (scope) => stepsAt(caller(baseUrl, post, scope)) };
}

type Action = 'prepare' | 'apply' | 'read' | 'undo';
type Call = (action: Action, content: object, changeId?: string) => Promise<string>;

function stepsAt(call: Call): ChangeSteps {
  return {
    prepare: async (changes) => currentOf(await call('prepare', { changes: changes.map(written) }), changes),
    read: async (targets) => currentOf(
      await call('read', {
        targets: targets.map((target) => ({ target: nameOf(target), target_type: target.target_type, target_key: target.target_key })),
      }),
      targets,
    ),
    apply: async (change) => { await call('apply', { change: written(change) }, change.change_id); },
    undo: async (change, expected) => { await call('undo', { change: written(change), expected }, change.change_id); },
  };
}

function written(change: TargetChange): object {
  const { change_id, sequence, target_type, target_key, operation, before, after } = change;
  return { change_id, sequence, target: nameOf(change), target_type, target_key, operation, before, after };
}

function caller(baseUrl: string, post: Post, scope: ChangeScope): Call {
  return async (action, content, changeId) => {
    const url = new URL(baseUrl);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${action}`;
    // the action stands in the signed body too: a body for one step is none for another
    const body = JSON.stringify({ action, ...scope, ...content });
    const readsBody = action === 'prepare' || action === 'read';
    const answer = await post({ url, body, readsBody, headers: changeId === undefined ? {} : { 'idempotency-key': changeId } }).catch(
      (error: unknown) => { throw noAnswer(action, error); },
    );
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw refusal(action, answer);
  };
}

function noAnswer(action: Action, error: unknown): unknown {
  if (!(error instanceof OutgoingRequestError)) return error;
  const kind = error.reason === 'too_large' ? 'wrong_answer' : 'unreachable';
  return new ChangeTargetError(kind, `${action}: ${error.message}`, { cause: error });
}

/** Says later: too early, too many, time-out, and every fault of the server's own. All else is a no. */
function refusal(action: Action, { status, retryAfterMs }: OutgoingAnswer): ChangeTargetError {
  const later = status >= 500 || status === 408 || status === 425 || status === 429;
  return new ChangeTargetError(later ? 'unreachable' : 'refused', `${action}: answered with status ${status}`, { status, retryAfterMs });
}

const json: z.ZodType<Json> = z.json();
const Current = z.object({ current: z.array(z.object({ target: z.string(), values: z.record(z.string(), json).nullable() })) });

function currentOf(body: string, asked: readonly TargetRef[]): CurrentValues {
  const parsed = Current.safeParse(parse(body));
  if (!parsed.success) {
    throw new ChangeTargetError('wrong_answer', 'it does not answer {current: [{target, values}]}', { cause: parsed.error });
  }
  const answered = new Map(parsed.data.current.map(({ target, values }) => [target, values]));
  return new Map(asked.map((target) => {
    const name = nameOf(target);
    const values = answered.get(name);
    if (values === undefined) throw new ChangeTargetError('wrong_answer', `it says nothing of ${name}`);
    return [name, knownValues(target.target_type, values)];
  }));
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new ChangeTargetError('wrong_answer', 'it does not answer JSON', { cause: error });
  }
}
