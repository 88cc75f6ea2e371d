/**
 * A chat completion as it came over the wire → what it is worth. Servers call themselves compatible and differ: nothing is taken
 * for granted.
 */
import { z } from 'zod';
import type { ModelReply, ModelUsage, UnusableReason } from './chat-model.ts';
import { singleObject } from './single-object.ts';

export interface CompletionBody {
  readonly text: string;
  readonly contentType: string;
  readonly promptBytes: number;
  readonly maxOutputTokens: number;
}

const Part = z.object({ type: z.string().optional(), text: z.string().optional(), refusal: z.string().optional() });
const Message = z.object({ content: z.union([z.string(), z.array(Part), z.null()]).optional(), refusal: z.string().nullish() });
const Choice = z.object({ finish_reason: z.string().nullish(), message: Message });
const Completion = z.object({ choices: z.array(z.unknown()).nullish(), usage: z.unknown().optional(), error: z.unknown().optional() });
const Usage = z.object({ prompt_tokens: z.unknown().optional(), completion_tokens: z.unknown().optional() });
const Chunk = z.object({
  choices: z.array(z.object({ finish_reason: z.string().nullish(), delta: Message.optional() })), usage: z.unknown().optional(),
});

export function readCompletion(body: CompletionBody): ModelReply {
  const json = body.contentType.includes('event-stream') ? gathered(body.text) : parsed(body.text);
  const completion = Completion.safeParse(json);
  const usage = boundedUsage(completion.data?.usage, body);
  const unusable = (reason: UnusableReason): ModelReply => ({ kind: 'unusable', reason, usage });
  if (!completion.success) return unusable('not_json');
  const { choices, error } = completion.data;
  if (error !== undefined && error !== null) return unusable('error_body');
  if (choices === undefined || choices === null || choices.length === 0) return unusable('no_choice');
  const choice = Choice.safeParse(choices[0]);
  if (!choice.success) return unusable('no_content');
  const { finish_reason, message } = choice.data;
  const parts = typeof message.content === 'string' ? [{ text: message.content }] : message.content ?? [];
  if (finish_reason === 'content_filter' || isRefusal(message.refusal)
    || parts.some((part) => 'refusal' in part && isRefusal(part.refusal))) return { kind: 'refused', usage };
  // whatever ran into the limit is cut, even where the cut is not seen
  if (finish_reason === 'length') return unusable('cut');
  const said = parts.map((part) => part.text ?? '').join('');
  if (said.trim() === '') return unusable('no_content');
  const value = singleObject(said);
  return value === undefined ? unusable('not_one_object') : { kind: 'json', value, usage };
}

function isRefusal(text: string | null | undefined): boolean {
  return typeof text === 'string' && text.trim() !== '';
}

/** A stream that nobody asked for, as the completion it would have been. undefined when it breaks off or is not one. */
function gathered(text: string): unknown {
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice('data:'.length).trim());
  const chunks = lines.filter((line) => line !== '' && line !== '[DONE]').map((line) => Chunk.safeParse(parsed(line)).data);
  const usage = chunks.findLast((chunk) => chunk?.usage !== undefined && chunk.usage !== null)?.usage;
  const choices = chunks.flatMap((chunk) => chunk?.choices.slice(0, 1) ?? []);
  const finish = choices.findLast((choice) => typeof choice.finish_reason === 'string')?.finish_reason;
  if (chunks.includes(undefined) || finish === undefined) return undefined;
  const joined = (of: 'content' | 'refusal'): string => choices.map((choice) => choice.delta?.[of])
    .filter((part) => typeof part === 'string').join('');
  return { choices: [{ finish_reason: finish, message: { content: joined('content'), refusal: joined('refusal') } }], usage };
}

/** A token is at least a byte, so more of them than bytes went to and fro is no count. The request's own frame is given 1,000. */
function boundedUsage(reported: unknown, { text, promptBytes, maxOutputTokens }: CompletionBody): ModelUsage {
  const answerBytes = Buffer.byteLength(text);
  const estimate = { inputTokens: Math.ceil(promptBytes / 4), outputTokens: Math.min(Math.ceil(answerBytes / 4), maxOutputTokens) };
  if (reported === undefined || reported === null) return { ...estimate, source: 'missing' };
  const usage = Usage.safeParse(reported).data;
  const inputTokens = countUpTo(promptBytes + 1_000, usage?.prompt_tokens);
  const outputTokens = countUpTo(Math.max(maxOutputTokens, answerBytes), usage?.completion_tokens);
  return inputTokens === null || outputTokens === null ? { ...estimate, source: 'absurd' } : {
    inputTokens, outputTokens, source: 'reported',
  };
}

function countUpTo(most: number, count: unknown): number | null {
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 && count <= most ? count : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // HTML, a cut answer: the caller names it
  }
}
