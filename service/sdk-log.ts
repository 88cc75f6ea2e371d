/**
 * Log lines of Temporal's SDK in ours. What it logs about a failure can quote its message, which is not ours to print: ids and types
 * only. Of a failing workflow task it names the run alone, which nobody can look up quickly, so the workflow is found here.
 */
import type { LogEntry, LogLevel } from '@temporalio/worker';
import type { Logger } from 'pino';

export interface SdkLogOptions {
  readonly log: Logger;
  /** null: not known now. */
  readonly workflowIdOf: (runId: string) => Promise<string | null>;
  readonly onFailedTask: (failureType: string) => void;
}

const levels: Readonly<Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'>> = {
  TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error',
};
const failingTask = 'Failing workflow task';
/** Lines that wait for their workflow's id; beyond it a line has its run only. */
const waitingMost = 100;

export function sdkLog({ log, workflowIdOf, onFailedTask }: SdkLogOptions): (entry: LogEntry) => void {
  let waiting = 0;
  return ({ level, message, meta }) => {
    const { workflowId, runId, activityType: activity, error, failure } = meta ?? {};
    const write = (workflow_id: unknown): void => {
      const name = error instanceof Error ? error.name : undefined;
      log[levels[level]]({ workflow_id, run_id: runId, activity, error: name, failure_type }, message);
    };
    const failure_type = message === failingTask ? failureTypeIn(String(failure)) : undefined;
    if (failure_type === undefined) {
      write(workflowId);
      return;
    }
    onFailedTask(failure_type);
    if (waiting >= waitingMost) {
      write(undefined);
      return;
    }
    waiting += 1;
    workflowIdOf(String(runId)).catch(() => null).then((id) => {
      waiting -= 1;
      write(id ?? undefined);
    }).catch(() => undefined);
  };
}

/** Names that every failing task has in common. */
const frames = new Set(['Failure', 'UnhandledRejectionError']);

/** The class of the first error that a failure, as the SDK's core prints it, speaks of. Nothing else of it is ours to print. */
export function failureTypeIn(failure: string): string {
  if (/nondeterminism|TMPRL1100/i.test(failure)) return 'NonDeterminismError';
  const names = failure.replaceAll(String.raw`\n`, ' ').match(/\b(?:[A-Z][A-Za-z]{0,60})?(?:Error|Failure|Rejected)\b/g) ?? [];
  return names.find((name) => !frames.has(name)) ?? 'unknown';
}
