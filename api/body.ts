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
    await parse(ctx, () => Promise.resolve());
    const body: unknown = ctx.request.body;
    if (body === undefined) return {};
    if (depthOver(body, limits.maxDepth)) throw new Problem('invalid_request', `The body is nested deeper than ${limits.maxDepth} levels.`);
    return body;
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
  return new Problem('invalid_request', 'The body is not valid JSON.', {
    cause: error,
    errors: [
      {
        pointer: '', code: 'malformed_json', message: 'The JSON ends too early or has a mistake in it.',
        fix: 'Check quotes, commas and brackets.',
      },
    ],
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
