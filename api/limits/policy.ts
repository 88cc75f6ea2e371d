/** What is limited, for whom, and what happens while Redis is away. */
import type { Configuration } from '../../stores/configuration.ts';

export interface Policy {
  readonly name: string;
  /** Requests allowed within any window of this length. */
  readonly limit: number;
  readonly windowSeconds: number;
  /** Counted in the process while Redis is away. */
  readonly fallback: { readonly limit: number; readonly windowSeconds: number };
}

export interface Policies { readonly api: Policy; readonly apiAdmin: Policy; readonly anonymous: Policy }

export function policiesOf(configuration: Configuration): Policies {
  const perMinute = (limit: number): Policy => ({ name: 'api', limit, windowSeconds: 60, fallback: { limit, windowSeconds: 60 } });
  return {
    // `api` goes on at its own limit, counted in the process, so that nobody's session stops with Redis
    api: perMinute(configuration.GANGWAY_API_PER_MINUTE),
    apiAdmin: perMinute(configuration.GANGWAY_API_PER_MINUTE_ADMIN),
    anonymous: {
      name: 'anonymous', limit: configuration.GANGWAY_ANONYMOUS_PER_HOUR, windowSeconds: 3_600,
      fallback: { limit: configuration.GANGWAY_FALLBACK_PER_HOUR, windowSeconds: 3_600 },
    },
  };
}
