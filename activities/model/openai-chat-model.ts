/**
 * Any server that speaks OpenAI's chat completions. One request, one time-out for all of it, no retry: the caller's policy owns
 * those. Options that a server refuses by name are left out from then on; that is the only repetition, and it is not billed.
 */
import type { Logger } from 'pino';
import { ModelCallError, type ChatModel, type ChatRequest, type ModelReply, type ModelUsage } from './chat-model.ts';
import { readCompletion } from './completion.ts';
import { retryAfterSeconds } from './retry-after.ts';

export interface OpenAiOptions {
  /** Without `/chat/completions`. */
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly model: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
}

/** Larger answers are not read: no proposal needs them. */
const maxAnswerBytes = 1_048_576;
/** Of an error only the part that names the option. */
const maxErrorBytes = 65_536;

/** What servers are known to refuse: the schema, and the old name of the output limit. */
type Option = 'response_format' | 'max_tokens';
const refusals: readonly (readonly [option: Option, named: RegExp])[] = [
  ['response_format', /response_format|json_schema|structured.?output/i], ['max_tokens', /max_tokens/i],
];

interface Answer { readonly status: number; readonly headers: Headers; readonly text: string; readonly isWhole: boolean }

export function createOpenAiChatModel(options: OpenAiOptions): ChatModel {
  const leftOut = new Set<Option>();
  return {
    complete: async (request) => {
      const limit = AbortSignal.timeout(request.timeoutMs);
      const signal = AbortSignal.any([request.signal, limit]);
      const tried = new Set(leftOut);
      // each round leaves out one more option, so there are at most three
      for (;;) {
        const body = JSON.stringify(bodyOf(request, options.model, tried));
        const answer = await send(options, body, signal).catch(() => {
          throw new ModelCallError(limit.aborted ? 'timeout' : request.signal.aborted ? 'aborted' : 'network');
        });
        const refused = refusedOption(answer, tried);
        if (refused !== null) {
          tried.add(refused);
          continue;
        }
        const reply = replyOf(answer, request, body, options);
        // remembered only once the server took the request without it: an error may quote anything
        for (const option of tried) {
          if (leftOut.has(option)) continue;
          leftOut.add(option);
          options.log.warn({ option }, 'the model does not take this option: it is left out until the next start');
        }
        return reply;
      }
    },
  };
}

function bodyOf(request: ChatRequest, model: string, leftOut: ReadonlySet<Option>): object {
  const { system, user, schema, schemaName, maxOutputTokens } = request;
  return {
    model, messages: [{ role: 'system', content: system }, { role: 'user', content: user }],
    ...(leftOut.has('max_tokens') ? { max_completion_tokens: maxOutputTokens } : { max_tokens: maxOutputTokens }),
    ...(leftOut.has('response_format') ? {} : {
      response_format: { type: 'json_schema', json_schema: { name: schemaName, strict: true, schema } },
    }),
  };
}

/** Rejects with whatever went wrong on the way; a status is an answer. */
async function send({ baseUrl, apiKey }: OpenAiOptions, body: string, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/chat/completions`, {
    method: 'POST', body, signal, redirect: 'manual',
    headers: {
      'content-type': 'application/json', accept: 'application/json', ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
    },
  });
  const most = response.ok ? maxAnswerBytes : maxErrorBytes;
  const stream: AsyncIterable<Uint8Array> | null = response.body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream ?? []) {
      bytes += chunk.byteLength;
      if (bytes > most) break; // leaving the loop closes the connection
      chunks.push(chunk);
    }
  } catch (error) {
    // of an error the status is the answer, whatever becomes of its body
    if (response.ok) throw error;
  }
  return { status: response.status, headers: response.headers, text: Buffer.concat(chunks).toString('utf8'), isWhole: bytes <= most };
}

function refusedOption({ status, text }: Answer, tried: ReadonlySet<Option>): Option | null {
  if (status !== 400 && status !== 422) return null;
  return refusals.find(([option, named]) => !tried.has(option) && named.test(text))?.[0] ?? null;
}

function replyOf(answer: Answer, request: ChatRequest, body: string, { log, now }: OpenAiOptions): ModelReply {
  const { status, headers, text } = answer;
  const promptBytes = Buffer.byteLength(body);
  // some servers judge the prompt before they answer, and say so by a status
  if (status === 400 && /"content_filter"/.test(text)) {
    return { kind: 'refused', usage: { inputTokens: 0, outputTokens: 0, source: 'missing' } };
  }
  if (status < 200 || status > 299) throw new ModelCallError('status', status, retryAfterSeconds(headers.get('retry-after'), now()));
  const whole: ModelReply = readCompletion({
    text, contentType: headers.get('content-type') ?? '', promptBytes, maxOutputTokens: request.maxOutputTokens,
  });
  const reply: ModelReply = answer.isWhole ? whole : { kind: 'unusable', reason: 'too_large', usage: whole.usage };
  logUsage(log, reply.kind, reply.usage);
  return reply;
}

function logUsage(log: Logger, kind: ModelReply['kind'], usage: ModelUsage): void {
  const line = { reply: kind, input_tokens: usage.inputTokens, output_tokens: usage.outputTokens, usage: usage.source };
  if (usage.source === 'absurd') log.warn(line, 'the model reports a usage that cannot be: an estimate is booked');
  else log.debug(line, 'the model answered');
}
