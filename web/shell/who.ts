/** Who is signed in, and what their roles let them open. */
import { signal } from '@preact/signals';
import type { Who } from '../client/contract.ts';
import { request } from '../client/request.ts';
import { RequestProblem } from '../client/problem.ts';

export type Role = Who['roles'][number];
/** undefined: not known yet; null: nobody. */
export const who = signal<Who | null | undefined>(undefined);
/** Why it cannot be known. */
export const whoProblem = signal<RequestProblem | null>(null);

export async function findWho(): Promise<void> {
  try {
    whoProblem.value = null;
    who.value = (await request<Who>('GET', '/console/session/')).body;
  } catch (error) {
    if (!(error instanceof RequestProblem)) throw error;
    // a caller without any role is somebody who may open nothing
    if (error.status === 403) who.value = { sub: '', tenant: '', roles: [], expires_at: null };
    // an address that has asked too often without a credential is told the same as at first: sign in
    else if (error.status === 401 || error.status === 429) who.value = null;
    else whoProblem.value = error;
  }
}

/** admin is user, approver and analyst in its own tenant; platform is admin. */
export function holds(person: Who, role: Role): boolean {
  return person.roles.includes(role) || person.roles.includes('platform') || (role !== 'platform' && person.roles.includes('admin'));
}
