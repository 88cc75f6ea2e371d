/**
 * A person is a human, not a credential: whoever holds a token, and whoever made an API key, through any chain of keys. Where
 * two people are demanded it is persons that are compared.
 */
import { holds, roles, type Actor, type Role } from './message.ts';

/**
 * `tenant/subject`, of the tenant whose tokens the person has. So one of another tenant is not the one of the same name here.
 * Both names may hold a slash, which is therefore written as in a URL.
 */
export function personName(tenant: string, subject: string): string {
  return [tenant, subject].map((name) => name.replaceAll(/[%/]/g, encodeURIComponent)).join('/');
}

/** Messages that were recorded before persons were known have none: then the credential stands for its person. */
export function personOf(actor: Actor): string {
  return actor.person ?? personName(actor.tenant, actor.subject);
}

/** Whether the caller is the person who acted as `subject` in the same tenant. `person` is unknown of what is older. */
export function isPerson(actor: Actor, subject: string, person: string | undefined): boolean {
  if (person === undefined && actor.subject === subject) return true;
  return personOf(actor) === (person ?? personName(actor.tenant, subject));
}

/** Who made a key, with the roles of the newest token that was seen of that person; null: none was seen yet. */
export interface KeyMaker { readonly tenant: string; readonly roles: readonly Role[] | null }

/**
 * The roles that a key has now: of those it was given, the ones that its maker has. admin counts as all it stands for, so that
 * of an admin's key an approver remains when its maker does. A key in a tenant other than its maker's needs the platform role.
 */
export function rolesOfKey(given: readonly Role[], tenant: string, maker: KeyMaker): readonly Role[] {
  const granted = roles.filter((role) => role !== 'platform' && given.includes(role));
  const { roles: known } = maker;
  if (known === null) return granted;
  const makerHolds = (role: Role): boolean => (
    maker.tenant === tenant ? holds({ tenant, subject: '', roles: known }, role) : known.includes('platform')
  );
  if (granted.every(makerHolds)) return granted;
  return roles.filter((role) => role !== 'platform' && holds({ tenant, subject: '', roles: granted }, role) && makerHolds(role));
}
