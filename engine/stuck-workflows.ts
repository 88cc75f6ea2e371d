/**
 * Workflows whose tasks fail again and again: nothing gets through to them. The server itself knows of them, whichever worker it is
 * that fails (the search attribute TemporalReportedProblems: from the third failure in a row on the embedded one, from the fifth on
 * others, until a task succeeds). A server that does not know the attribute is no reason for alarm: what is asked is null then.
 */
import { isGrpcServiceError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import type { Stuck, StuckTally } from '../activities/stuck.ts';
import { reportedProblems, sessionAttributes, taskAttributes } from '../workflows/search-attributes.ts';
import { parseWorkflowId } from '../workflows/workflow-ids.ts';
import { callEngine } from './calls.ts';
import { quoted } from './visibility-query.ts';
import { failingTasks } from './failing-tasks.ts';

export interface StuckWorkflowsOptions {
  readonly client: Client;
  readonly taskQueue: string;
  readonly timeoutMs: number;
  /** Milliseconds of any clock. */
  readonly now: () => number;
}

export interface StuckWorkflow {
  /** The session itself, or the one that waits for this task; null: none. */
  readonly session_id: string | null;
  readonly workflow_id: string;
  readonly failure_type: string;
  /** Epoch ms. */
  readonly since: number;
}

/** Asked by each probe and each reading of the metrics. */
const sharedMs = 5_000;
/** Workflows that an alert counts. */
const tallyMost = 1_000;
const atOnce = 8;

export class StuckWorkflows implements Stuck {
  private readonly options: StuckWorkflowsOptions;
  private last: { readonly at: number; readonly count: Promise<number | null> } | null = null;

  constructor(options: StuckWorkflowsOptions) {
    this.options = options;
  }

  /** Of all tenants. Shared for some seconds. */
  count(): Promise<number | null> {
    const at = this.options.now();
    if (this.last === null || at - this.last.at > sharedMs) this.last = { at, count: this.countOf(null) };
    return this.last.count;
  }

  /** Those of a tenant, or of all (null); at most `limit`, and how many there are. */
  async list(tenant: string | null, limit: number): Promise<{ readonly total: number; readonly results: readonly StuckWorkflow[] }> {
    const [total, found] = await Promise.all([this.countOf(tenant), this.found(tenant, limit)]);
    const results: StuckWorkflow[] = [];
    for (let at = 0; at < found.length; at += atOnce) {
      results.push(...await Promise.all(found.slice(at, at + atOnce).map((info) => this.describe(info))));
    }
    return { total: total ?? 0, results };
  }

  async tally(): Promise<readonly StuckTally[] | null> {
    if (await this.countOf(null) === null) return null;
    const tallies = new Map<string, StuckTally>();
    for (const info of await this.found(null, tallyMost)) {
      const tenant = info.typedSearchAttributes.get(sessionAttributes.tenant);
      if (tenant !== undefined) {
        tallies.set(tenant, { tenant, stuck: (tallies.get(tenant)?.stuck ?? 0) + 1, failure_type: failureTypeOf(info) });
      }
    }
    return [...tallies.values()];
  }

  private async countOf(tenant: string | null): Promise<number | null> {
    const { client, timeoutMs } = this.options;
    return callEngine(client, timeoutMs, () => client.workflow.count(this.query(tenant))).then(({ count }) => count, unknownAttribute);
  }

  private async found(tenant: string | null, limit: number): Promise<readonly WorkflowExecutionInfo[]> {
    const { client, timeoutMs } = this.options;
    return callEngine(client, timeoutMs, async () => {
      const found: WorkflowExecutionInfo[] = [];
      for await (const info of client.workflow.list({ query: this.query(tenant), pageSize: Math.min(limit, 200) })) {
        if (found.push(info) >= limit) break;
      }
      return found;
    }).catch((error: unknown) => unknownAttribute(error) ?? []);
  }

  private query(tenant: string | null): string {
    const ours = `TaskQueue = ${quoted(this.options.taskQueue)} AND ExecutionStatus = 'Running' AND ${reportedProblems.name} IS NOT NULL`;
    return tenant === null ? ours : `${ours} AND ${sessionAttributes.tenant.name} = ${quoted(tenant)}`;
  }

  private async describe(info: WorkflowExecutionInfo): Promise<StuckWorkflow> {
    const { workflowId: workflow_id } = info;
    const name = parseWorkflowId(workflow_id);
    const waiting = info.typedSearchAttributes.get(taskAttributes.session);
    const session_id = name?.kind === 'session' ? name.id : waiting === undefined || waiting === 'none' ? null : waiting;
    return { session_id, workflow_id, failure_type: failureTypeOf(info), since: await this.since(info) };
  }

  /** When the failures began; of one whose history says nothing, when the run did. */
  private async since({ workflowId, runId, startTime }: WorkflowExecutionInfo): Promise<number> {
    const failing = await failingTasks(this.options.client, { workflowId, runId }, this.options.timeoutMs);
    return failing?.since ?? startTime.getTime();
  }
}

/** The server's own word, without what is the same in all: `WorkflowWorkerUnhandledFailure`, `NonDeterministicError`, `StartToClose`. */
function failureTypeOf(info: WorkflowExecutionInfo): string {
  const causes = info.typedSearchAttributes.get(reportedProblems) ?? [];
  const cause = causes.find((problem) => problem.startsWith('cause=')) ?? causes[0] ?? 'unknown';
  return cause.replace(/^(?:cause|category)=/, '').replace(/^WorkflowTask(?:FailedCause|TimedOutCause)/, '');
}

/** 3: the server does not know the attribute. */
function unknownAttribute(error: unknown): null {
  const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
  if (isGrpcServiceError(cause) && cause.code === 3) return null;
  throw error;
}
