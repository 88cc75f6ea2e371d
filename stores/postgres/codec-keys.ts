/** Keys that the stored data were sealed with. A start that lacks one is refused, unless somebody says that it is lost for good. */
import { ConfigurationError } from '../../domain/configuration-error.ts';
import { checkValueOf, codecKeysSetting, type CodecKeys } from '../../encryption/sealer.ts';
import type { Queries } from './database.ts';

/** Ids, or all that are missing at this start. */
export type LostKeys = readonly string[] | 'all';

export const lostKeysSetting = 'GANGWAY_LOST_KEYS';

interface UsedKey { readonly key_id: string; readonly check_value: Buffer | null; readonly lost_since: Date | null }

/**
 * Notes the key that seals from now on, and which keys are given up. Returns the ids of those that are: what they sealed answers
 * 503, and nothing else does. Throws ConfigurationError that names the keys which are missing, and both ways on.
 */
export async function settleCodecKeys(db: Queries, keys: CodecKeys, lost: LostKeys): Promise<string[]> {
  const used = await db.query<UsedKey>('SELECT key_id, check_value, lost_since FROM codec_keys ORDER BY first_used_at, key_id');
  const other = used.find((key) => key.key_id === keys.primary && isAnother(key, keys));
  if (other !== undefined) throw new ConfigurationError([namesAnother(other.key_id)]);
  const unreadable = used.filter((key) => !keys.byId.has(key.key_id) || isAnother(key, keys));
  const missing = unreadable.filter((key) => key.lost_since === null && lost !== 'all' && !lost.includes(key.key_id));
  if (missing.length > 0) throw new ConfigurationError([whatIsMissing(missing.map((key) => key.key_id))]);
  const givenUp = unreadable.map((key) => key.key_id);
  await db.query(
    `INSERT INTO codec_keys (key_id, check_value) VALUES ($1, $2)
     ON CONFLICT (key_id) DO UPDATE SET check_value = excluded.check_value WHERE codec_keys.check_value IS NULL`,
    [keys.primary, checkValueOf(keys, keys.primary)],
  );
  await db.query(
    `UPDATE codec_keys SET lost_since = CASE WHEN key_id = ANY ($1) THEN coalesce(lost_since, now()) END
     WHERE (lost_since IS NOT NULL) <> (key_id = ANY ($1))`,
    [givenUp],
  );
  return givenUp;
}

function isAnother({ key_id: id, check_value: noted }: UsedKey, keys: CodecKeys): boolean {
  return noted !== null && keys.byId.has(id) && !noted.equals(checkValueOf(keys, id));
}

function namesAnother(id: string): string {
  return `${codecKeysSetting}: the id ${id} named another key before, and stored data need that one. Give the new key an id of its own, ` +
    'and put the old key behind it';
}

function whatIsMissing(ids: readonly string[]): string {
  const [it, that] = ids.length === 1 ? ['the key', 'it'] : ['the keys', 'them'];
  return `${codecKeysSetting}: ${it} ${ids.join(', ')} sealed stored data and ${ids.length === 1 ? 'is' : 'are'} not there. Bring ` +
    `${that} ` +
    `back, behind the key that seals (for npm run up also in GANGWAY_DATA/secrets/codec.key); or start once with ` +
    `${lostKeysSetting}=${ids.join(',')} to give ${that} up: sessions sealed with ${that} then answer 503 key_unavailable, everything ` +
    'else goes on';
}
