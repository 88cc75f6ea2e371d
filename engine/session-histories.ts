/**
 * What the histories of sessions still have of their copies: everything that was ever on its way to the archive stands in them as the
 * input of a flush, the first of each run whole, and a later run begins with the state of the one before. Asks no worker.
 */
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Client } from '@temporalio/client';
import { OnboardingSession } from '../domain/session.ts';
import { wholeCopies, type SessionCopies, type ToldCopies } from '../domain/session-copy.ts';
import type { Sealer } from '../encryption/sealer.ts';
import { sessionWorkflow, type SessionInput } from '../workflows/messages.ts';
import { tenantKey } from '../workflows/workflow-ids.ts';
import { openPayload, payloadsIn } from './payload-codec.ts';
import { quoted } from './visibility-query.ts';

export interface SessionHistories { readonly client: Client; readonly sealer: Sealer; readonly tenant: string | null }

/**
 * Copies of one run each, the newest run of all sessions first: how a session stands now comes before how it stood, since only one
 * of a person and flow may be open.
 */
export async function* copiesInHistories({ client, sealer, tenant }: SessionHistories): AsyncGenerator<readonly SessionCopies[]> {
  const which = tenant === null ? '' : ` AND GwTenant = ${quoted(tenantKey(tenant))}`;
  const runs: { workflowId: string; runId: string; began: number }[] = [];
  // ids only: 100 bytes each
  const query = `WorkflowType = ${quoted(sessionWorkflow)}${which}`;
  for await (const { workflowId, runId, startTime } of client.workflow.list({ query })) {
    runs.push({ workflowId, runId, began: startTime.getTime() });
  }
  runs.sort((a, b) => b.began - a.began);
  const oldest = new Map(runs.map(({ workflowId, runId }) => [workflowId, runId]));
  for (const { workflowId, runId } of runs) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    for (const payload of payloadsIn(history)) Object.assign(payload, openPayload(sealer, payload));
    const { flushed, begun } = copiesIn(JSON.parse(historyToJSON(history)) as History);
    yield oldest.get(workflowId) === runId ? [...flushed, ...begun] : flushed;
  }
}

interface Carried { readonly payloads?: readonly { readonly data?: string }[] }
interface History {
  readonly events?: readonly {
    readonly workflowExecutionStartedEventAttributes?: { readonly input?: Carried };
    readonly activityTaskScheduledEventAttributes?: { readonly activityType?: { readonly name?: string }; readonly input?: Carried };
  }[];
}

function copiesIn({ events = [] }: History): { readonly flushed: readonly SessionCopies[]; readonly begun: readonly SessionCopies[] } {
  const told = events.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => (
    scheduled?.activityType?.name === 'flushSession' ? valueIn<ToldCopies>(scheduled.input) : []
  ));
  const flushed: SessionCopies[] = [];
  for (const one of told) {
    const whole = wholeCopies(one, flushed.at(-1)?.state ?? null);
    if (whole === null) throw new Error(`A copy of session ${one.view.session_id} does not go on from the one before it.`);
    flushed.push(whole);
  }
  const input = valueIn<SessionInput>(events[0]?.workflowExecutionStartedEventAttributes?.input);
  return {
    flushed, begun: input.flatMap(({ rules, state }) => (state === null ? [] : carriedOver(OnboardingSession.restore(rules, state)))),
  };
}

/** What a run was begun with, whose forerunner is gone from Temporal. */
function carriedOver(session: OnboardingSession): SessionCopies[] {
  return [{ state: session.state, view: session.view(), events: [], checkpoints: session.state.checkpoints }];
}

function valueIn<T>(carried: Carried | undefined): T[] {
  const data = carried?.payloads?.[0]?.data;
  return data === undefined ? [] : [JSON.parse(Buffer.from(data, 'base64').toString('utf8')) as T];
}
