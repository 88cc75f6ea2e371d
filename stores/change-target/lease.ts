/**
 * One changeset of a tenant at a time at a remote target. A lease, not a lock: it outlives no crash for long, and it is
 * renewed before every call, so that whoever lost it makes no further one.
 */
import { randomUUID } from 'node:crypto';
import type { Queries } from '../postgres/database.ts';
import { ChangeTargetError } from './port.ts';

/** Longer than one request to the target (15 s at most) with the writing before and after it. */
const leaseSeconds = 20;
const waitMs = 5_000;
const pauseMs = 100;

export interface Lease {
  /** Before each call to the target. Throws ChangeTargetError `busy` when somebody else has it now. */
  renew(): Promise<void>;
}

/** Waits a little for whoever holds it, then throws ChangeTargetError `busy`. */
export async function withLease<T>(db: Queries, tenant: string, work: (lease: Lease) => Promise<T>): Promise<T> {
  const token = randomUUID();
  const until = performance.now() + waitMs;
  while (!await take(db, tenant, token)) {
    if (performance.now() > until) throw new ChangeTargetError('busy', 'another changeset of the tenant is under way');
    await new Promise((resolve) => { setTimeout(resolve, pauseMs); });
  }
  const renew = async (): Promise<void> => {
    if (!await take(db, tenant, token)) throw new ChangeTargetError('busy', 'another changeset of the tenant has begun meanwhile');
  };
  try {
    return await work({ renew });
  } finally {
    // left to end by itself when PostgreSQL is away
    await db.query('DELETE FROM change_leases WHERE tenant = $1 AND token = $2', [tenant, token]).catch(() => undefined);
  }
}

async function take(db: Queries, tenant: string, token: string): Promise<boolean> {
  const taken = await db.query(
    `INSERT INTO change_leases AS held (tenant, token, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3))
     ON CONFLICT (tenant) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at
     WHERE held.token = excluded.token OR held.expires_at < now() RETURNING token`,
    [tenant, token, leaseSeconds],
  );
  return taken.length > 0;
}
