/** RateLimit-Policy and RateLimit of the IETF draft 11: what the policies are, what is left of each, and when more will be. */
import type { Policy } from '../../stores/redis/limits/policy.ts';
import type { PolicyVerdict } from '../../stores/redis/limits/verdict.ts';

/** Of what no policy counts: health, documents, metrics. */
export const exemptHeaders: Readonly<Record<string, string>> = {
  'RateLimit-Policy': '"exempt";q=1000000;w=1', RateLimit: '"exempt";r=1000000',
};

/** A policy in shadow mode is not told: it refuses nothing, and nobody should slow down for it. */
export function limitHeaders(verdicts: readonly PolicyVerdict[]): Readonly<Record<string, string>> {
  const told = verdicts.filter(({ policy }) => !policy.shadow);
  if (told.length === 0) return exemptHeaders;
  return {
    'RateLimit-Policy': told.map(({ policy }) => `"${policy.name}";q=${policy.quota}${unitOf(policy)};w=${policy.windowSeconds}`)
      .join(', '),
    RateLimit: told.map(({ policy, remaining, resetSeconds }) => `"${policy.name}";r=${Math.floor(remaining)};t=${resetSeconds}`)
      .join(', '),
  };
}

function unitOf({ unit }: Policy): string {
  return unit === 'requests' ? '' : `;qu="${unit}"`;
}
