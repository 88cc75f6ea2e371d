/** Who may read /metrics: this machine itself, or who has the token of its own. Nothing of it is a secret, and it is nobody's business. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../outside/peer.ts';

/** `token` null: only this machine may. */
export function mayReadMetrics(request: IncomingMessage, token: string | null): boolean {
  if (isLoopback(request)) return true;
  const [, given] = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  // digests, so that neither the length nor the place of the first difference shows in the time it takes
  return token !== null && given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
