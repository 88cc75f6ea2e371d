/** Signatures of outgoing requests: HMAC-SHA256 over `{seconds}.{body}`, so that neither can be changed or replayed later. */
import { createHmac } from 'node:crypto';

export const signatureHeader = 'Gangway-Signature';

/** `t={seconds since 1970},v1={hex}`. The receiver computes v1 anew, compares in constant time, and refuses an old t. */
export function signatureOf(secret: string, body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1_000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}
