/** Addresses, and whom they are for. The menu is those that have a name. */
import type { Who } from '../client/contract.ts';
import { holds, type Role } from './who.ts';

export interface Place { readonly path: string; readonly role: Role; readonly name?: string; readonly key?: string }

/** In the order of the menu. An admin is an analyst and an approver too. */
const places: readonly Place[] = [
  { path: '/sessions', role: 'admin', name: 'Sessions', key: 's' },
  { path: '/approvals', role: 'approver', name: 'Approvals', key: 'a' },
  { path: '/changesets', role: 'approver' },
  { path: '/dead-letters', role: 'admin', name: 'Dead letters', key: 'd' },
  { path: '/redrives', role: 'admin' },
  // not built yet: whoever may not open them is told so already
  { path: '/funnel', role: 'analyst' }, { path: '/why', role: 'analyst' }, { path: '/trends', role: 'analyst' },
  { path: '/replay', role: 'analyst' }, { path: '/at-risk', role: 'admin' }, { path: '/limits', role: 'admin' },
  { path: '/flows', role: 'admin' }, { path: '/audit', role: 'admin' }, { path: '/api-keys', role: 'admin' },
  { path: '/temporal', role: 'admin' },
];

export function menuOf(person: Who): (Place & { readonly name: string })[] {
  return places.flatMap((place) => (place.name !== undefined && holds(person, place.role) ? [{ ...place, name: place.name }] : []));
}

/** Whether a person may open an address; of one that is nowhere nobody is told more. */
export function mayOpen(person: Who, path: string): boolean {
  const place = places.find((each) => path === each.path || path.startsWith(`${each.path}/`));
  return place === undefined || holds(person, place.role);
}
