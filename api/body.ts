/** JSON bodies by koa-body, with a bound on bytes and on depth, and one form of refusal. */
import type { Context } from 'koa';
import { HttpMethodEnum, koaBody } from 'koa-body';
import { Problem } from './problem.ts';

export interface BodyLimits { readonly maxBytes: number; readonly maxDepth: number }

export type ReadBody = (ctx: Context) => Promise<unknown>;

/** Reads the body of any method, DELETE included. No body: an empty object. */
export function bodyReader(limits: BodyLimits): ReadBody {
  const parse = koaBody({
    parsedMethods: [HttpMethodEnum.POST, HttpMethodEnum.PUT, HttpMethodEnum.PATCH, HttpMethodEnum.DELETE], jsonLimit: limits.maxBytes,
    jsonStrict: false, multipart: false, urlencoded: false, text: false,
    onError: (error) => { throw refusal(error, limits); },
  });
  return async (ctx) => {
    if (Number(ctx.get('content-length') || 0) > limits.maxBytes) throw tooLarge(limits);
    if (!hasBody(ctx)) return {};
    if (ctx.is('json', '+json') === false) {
      throw new Problem('unsupported_media_type', 'The body is not JSON. Send Content-Type: application/json.');
    }
    const isText = watched(ctx);
    await parse(ctx, () => Promise.resolve());
    if (!isText()) throw malformed('The body is not UTF-8.', 'Send text as UTF-8.');
    const body: unknown = ctx.request.body;
    if (body === undefined) return {};
    if (depthOver(body, limits.maxDepth)) throw new Problem('invalid_request', `The body is nested deeper than ${limits.maxDepth} levels.`);
    return body;
  };
}

/**
 * Whether the bytes are UTF-8, once they have been read: the parser makes U+FFFD of what is not, and nobody would know. It sees them
 * beside the parser, which begins to listen in the same turn. Packed bytes are not looked at.
 */
function watched({ req }: Context): () => boolean {
  if ((req.headers['content-encoding'] ?? 'identity') !== 'identity') return () => true;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let isText = true;
  const look = (chunk?: Uint8Array): void => {
    try {
      if (isText) decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      isText = false;
    }
  };
  req.on('data', look);
  return () => {
    req.off('data', look);
    look();
    return isText;
  };
}

function hasBody(ctx: Context): boolean {
  return ctx.get('transfer-encoding') !== '' || Number(ctx.get('content-length') || 0) > 0;
}

function tooLarge(limits: BodyLimits): Problem {
  return new Problem('payload_too_large', `The body is larger than ${limits.maxBytes} bytes.`);
}

function refusal(error: Error, limits: BodyLimits): Problem {
  const status = 'status' in error && typeof error.status === 'number' ? error.status : 400;
  if (status === 413) return tooLarge(limits);
  if (status === 415) {
    return new Problem('unsupported_media_type', 'The encoding of the body is not supported. Send plain UTF-8 JSON.', { cause: error });
  }
  return malformed('The JSON ends too early or has a mistake in it.', 'Check quotes, commas and brackets.', error);
}

function malformed(message: string, fix: string, cause?: Error): Problem {
  return new Problem('invalid_request', 'The body is not valid JSON.', {
    cause, errors: [{ pointer: '', code: 'malformed_json', message, fix }],
  });
}

/** Level by level, without recursion: 100,000 brackets must not become 100,000 frames. */
function depthOver(body: unknown, maxDepth: number): boolean {
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return false;
}
