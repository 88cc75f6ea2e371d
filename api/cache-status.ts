/** Cache-Status (RFC 9211) of a report: what came of the cache for this request. */
import type { Served } from '../stores/redis/reports/report-cache.ts';

/** `gangway; hit; ttl=240`, `gangway; fwd=uri-miss; stored; ttl=300`, `gangway; fwd=request; detail=too-large`. */
export function cacheStatus(served: Pick<Served<unknown>, 'outcome' | 'ttlSeconds' | 'notKept'>, fresh: boolean): string {
  const { outcome, ttlSeconds, notKept } = served;
  const parts = ['gangway'];
  if (outcome === 'hit' || outcome === 'stale') {
    parts.push('hit');
  } else {
    parts.push(`fwd=${fresh ? 'request' : 'uri-miss'}`);
    if (outcome === 'shared') parts.push('collapsed');
    else if (notKept === null) parts.push('stored');
  }
  if (ttlSeconds !== null) parts.push(`ttl=${ttlSeconds}`);
  if (notKept !== null) parts.push(`detail=${notKept === 'too_large' ? 'too-large' : 'unavailable'}`);
  return parts.join('; ');
}
