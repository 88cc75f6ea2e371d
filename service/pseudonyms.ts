/** What reports know of people: a pseudonym, and what imported events say, sealed. */
import { createHmac } from 'node:crypto';
import type { PropertySealer } from '../analytics/intake/importing.ts';
import { sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { Configuration } from './configuration.ts';

/** Keys the pseudonyms of people in ClickHouse; null: neither GANGWAY_PSEUDONYM_KEY nor a development key is there. */
export function pseudonymKey({ GANGWAY_PSEUDONYM_KEY: given }: Configuration, developmentKey: Uint8Array | null): Uint8Array | null {
  const secret = given ?? developmentKey;
  return secret === null ? null : createHmac('sha256', secret).update('gangway pseudonyms').digest();
}

export function propertySealer(sealer: Sealer): PropertySealer {
  const contextOf: (event: Parameters<PropertySealer['seal']>[0]) => string = ({ tenant, session_id: id, event, at }) => (
    sealedAs.importedEvent(tenant, id, at, event)
  );
  return {
    seal: (event, properties) => sealer.seal(properties, contextOf(event)),
    open: (event, sealed) => sealer.open(sealed, contextOf(event)),
  };
}
