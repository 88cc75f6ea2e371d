/**
 * An upload that is all there: it is looked into until there is a verdict, and the session is told. A task that is exhausted is parked,
 * and nobody downloads the file meanwhile; discarded by an operator, it stays in quarantine.
 */
import { condition, getExternalWorkflowHandle, setHandler, sleep, uuid4, workflowInfo } from '@temporalio/workflow';
import { isTaskOutcome, isUploadVerdict } from '../domain/message-shape.ts';
import type { TaskFailure, TaskOutcome } from '../domain/parked-task.ts';
import type { UploadNote, UploadVerdict } from '../domain/upload.ts';
import { uploadJudged } from './messages.ts';
import { startParkedTask } from './parking.ts';
import { taskDone } from './task-messages.ts';
import { runTask } from './tasks.ts';
import type { UploadInput } from './upload-messages.ts';
import { sessionWorkflowId } from './workflow-ids.ts';

/** The task that waits for an operator. */
interface Parked { readonly task_id: string; outcome: TaskOutcome | null }

export async function lookIntoUpload(input: UploadInput): Promise<UploadVerdict | null> {
  let parked: Parked | null = null;
  setHandler(taskDone, (told) => {
    if (isTaskOutcome(told) && told.task_id === parked?.task_id) parked.outcome = told.outcome;
  });
  const looked = await lookUntilKnown(input);
  if ('output' in looked) return told(input, looked.output);

  parked = { task_id: uuid4(), outcome: null };
  await park(input, parked.task_id, looked.failure);
  await tell(input, { status: 'quarantined', reason: 'delayed' });
  const waiting = parked;
  await condition(() => waiting.outcome !== null);
  const { outcome } = waiting;
  if (outcome?.kind === 'completed' && isUploadVerdict(outcome.output)) return told(input, outcome.output);
  await tell(input, { status: 'quarantined', reason: 'not_checked' });
  return null;
}

/** While the scanner cannot say anything the file waits; the last look fails where the others are only unknown. */
async function lookUntilKnown(input: UploadInput): Promise<{ readonly output: UploadVerdict } | { readonly failure: TaskFailure }> {
  const { unknownForMs, unknownPauseMs } = input.limits;
  const until = Date.now() + unknownForMs;
  for (;;) {
    const last = Date.now() + unknownPauseMs > until;
    const result = await runTask('processUpload', taskInput(input, last));
    if ('failure' in result) return result;
    const { output } = result;
    if (output.status !== 'unknown') return { output };
    await sleep(unknownPauseMs, { summary: 'the scanner could not say anything' });
  }
}

async function told(input: UploadInput, verdict: UploadVerdict): Promise<UploadVerdict> {
  if (verdict.status !== 'gone') await tell(input, verdict);
  return verdict;
}

/** A session that has ended needs no word. */
async function tell(
  { tenant, session_id, upload_id, object_id, kind }: UploadInput, { status, reason }: Pick<UploadNote, 'status' | 'reason'>,
): Promise<void> {
  const note: UploadNote = { upload_id, object_id, kind, status, reason };
  await getExternalWorkflowHandle(sessionWorkflowId(tenant, session_id)).signal(uploadJudged, note).catch(() => undefined);
}

async function park(input: UploadInput, taskId: string, failure: TaskFailure): Promise<void> {
  const { tenant, session_id, owner, correlation_id, limits } = input;
  const retried = taskInput(input, true);
  await startParkedTask({
    task_id: taskId, tenant, task_name: 'processUpload', input: retried, failure, reply_to: workflowInfo().workflowId,
    max_retries: limits.manualRetries, fixed: Object.keys(retried), context: { session_id, user: owner, correlation_id },
  });
}

function taskInput({ correlation_id, tenant, session_id, upload_id, object_id }: UploadInput, last: boolean) {
  return { correlation_id, tenant, session_id, upload_id, object_id, last };
}
