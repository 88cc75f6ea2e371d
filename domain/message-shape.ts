/**
 * Whether what arrived has the shape of what it claims to be. The API sends nothing else; Temporal's own page and command line send
 * whatever an operator types, and what a handler stumbles over would block its workflow for ever.
 */
import { isList, type Json } from './json.ts';
import type { TaskOutcome } from './parked-task.ts';
import { isUploadId } from './answer.ts';
import { redriveResults, type RedriveResult } from './redrive-state.ts';
import type { ParkedStep } from './session-state.ts';
import { uploadKinds, type UploadNote, type UploadVerdict } from './upload.ts';

type Fields = Readonly<Record<string, unknown>>;

export function isMessage(value: unknown): boolean {
  if (!isFields(value) || !isFields(value['actor']) || !isFields(value['body'])) return false;
  const { id, fingerprint, correlation_id: correlation, if_match: ifMatch, actor } = value;
  return areTexts(id, fingerprint, correlation, actor['tenant'], actor['subject']) && Array.isArray(actor['roles'])
    && (ifMatch === null || isNumbers(ifMatch));
}

export function isAnswer(body: object): boolean {
  const { text, question_id: question, value } = body as Fields;
  return typeof text === 'string' || ((question === null || typeof question === 'string') && value !== undefined);
}

export function isClientEvent(body: object): boolean {
  const { event, properties, occurred_at: at } = body as Fields;
  return typeof event === 'string' && isFields(properties) && areTexts(...Object.values(properties))
    && (at === null || typeof at === 'number');
}

export function isResume(body: object): boolean {
  const { version, current } = body as Fields;
  return (version === null || typeof version === 'number') && (current === null || isNumbers(current));
}

export function isReminders(body: object): boolean {
  return typeof (body as Fields)['enabled'] === 'boolean';
}

/** What a session is told of an upload. */
export function isUploadNote(value: unknown): value is UploadNote {
  if (!isFields(value)) return false;
  const { upload_id: id, object_id: object, kind, status, reason } = value;
  return [id, object].every(isUploadId) && uploadKinds.some((known) => known === kind) && (reason === null || typeof reason === 'string')
    && (status === 'quarantined' || status === 'clean' || status === 'rejected' || status === 'deleted');
}

/** What a waiting workflow is told of an upload that was looked into. */
export function isUploadVerdict(value: unknown): value is UploadVerdict {
  if (!isFields(value)) return false;
  const { status, reason } = value;
  return status === 'gone' || ((status === 'clean' || status === 'rejected' || status === 'deleted')
    && (reason === null || typeof reason === 'string'));
}

/** What a waiting session is told of its parked task. */
export function isTaskOutcome(value: unknown): value is { readonly task_id: string; readonly outcome: TaskOutcome } {
  if (!isFields(value) || !areTexts(value['task_id']) || !isFields(value['outcome'])) return false;
  const { kind, output } = value['outcome'];
  return kind === 'discarded' || (kind === 'completed' && output !== undefined);
}

/** Whether a task of this step can have had that result. */
export function isResultOf({ kind }: ParkedStep['step'], output: Json): boolean {
  if (!isFields(output)) return false;
  const { recommendations, confidence, decision, status } = output;
  return kind === 'propose' ? isList(recommendations as Json) && typeof confidence === 'number' && areTexts(decision) : areTexts(status);
}

export function isRedriven(value: unknown): value is { readonly task_id: string; readonly result: RedriveResult } {
  return isFields(value) && areTexts(value['task_id']) && redriveResults.some((known) => known === value['result']);
}

/** A redrive names itself: whoever else wants a retry sends the Update. */
export function isRedriveRequest(value: unknown): boolean {
  return isFields(value) && areTexts(value['redrive']);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function areTexts(...values: unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}

function isNumbers(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
