/**
 * Which pages of other origins may use the API from a browser: exactly those that are configured, none by default. Nothing is
 * ever sent along by the browser itself (no Access-Control-Allow-Credentials): a page has to have a token of its own.
 */
import type { Context } from 'koa';
import { ConfigurationError } from '../domain/configuration-error.ts';

/** Headers of an answer that a page may read beside the few that it always may. */
export const exposedHeaders = [
  'ETag', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'X-Correlation-Id', 'Idempotency-Replayed', 'Location', 'Content-Location',
  'Content-Disposition', 'Content-Range', 'Tus-Resumable', 'Tus-Version', 'Tus-Extension', 'Tus-Max-Size', 'Tus-Checksum-Algorithm',
  'Upload-Offset', 'Upload-Length', 'Upload-Metadata', 'Upload-Expires',
] as const;

const requestHeaders = [
  'Authorization', 'X-API-Key', 'Content-Type', 'Idempotency-Key', 'If-Match', 'Last-Event-ID', 'X-Correlation-Id',
  'Content-Digest', 'Range', 'If-Range', 'If-None-Match', 'Tus-Resumable', 'Upload-Offset', 'Upload-Length', 'Upload-Metadata',
  'Upload-Checksum', 'Upload-Defer-Length',
];
/** How long a browser may remember a preflight. */
const maxAgeSeconds = 600;

/** Comma-separated origins, of GANGWAY_ALLOWED_ORIGINS. Throws ConfigurationError for one that is none. */
export function readOrigins(text: string): readonly string[] {
  const origins = text.split(',').map((part) => part.trim()).filter((part) => part !== '');
  // by number: an address can hold a password
  const faults = origins.flatMap((origin, at) => (isOrigin(origin) ? []
    : [`GANGWAY_ALLOWED_ORIGINS: number ${at + 1} is no origin, such as https://app.example.com (no path, no slash at the end)`]));
  if (faults.length > 0) throw new ConfigurationError(faults);
  return origins;
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}

export class CrossOrigin {
  private readonly origins: ReadonlySet<string>;
  private readonly methods: string;

  constructor(origins: readonly string[], methods: readonly string[]) {
    this.origins = new Set(origins);
    this.methods = [...new Set(methods.map((method) => method.toUpperCase()))].join(', ');
  }

  /** Sets the headers of an answer, errors included. Another origin gets none, and learns nothing of those that are allowed. */
  allow(ctx: Context): void {
    ctx.vary('Origin');
    const origin = ctx.get('origin');
    if (!this.origins.has(origin)) return;
    ctx.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': exposedHeaders.join(', ') });
  }

  /**
   * Answers the question that a browser asks by itself before it sends a request: the same for every path, so that it tells
   * nothing of what there is. Returns false for anything else.
   */
  answersPreflight(ctx: Context): boolean {
    if (ctx.method !== 'OPTIONS' || ctx.get('origin') === '' || ctx.get('access-control-request-method') === '') return false;
    ctx.vary(['Access-Control-Request-Method', 'Access-Control-Request-Headers']);
    if (this.origins.has(ctx.get('origin'))) {
      ctx.set({
        'Access-Control-Allow-Methods': this.methods, 'Access-Control-Allow-Headers': requestHeaders.join(', '),
        'Access-Control-Max-Age': String(maxAgeSeconds),
      });
    }
    ctx.status = 204;
    return true;
  }
}
