/** Histories of sessions as they are stored, with their keys in words. */
import type { Database } from '../../stores/postgres/database.ts';
import { findHistories, type HistorySymbols, type SymbolNumbers } from '../../stores/postgres/session-histories.ts';
import { firstSymbol, foreign, symbolOf, type Moment } from '../history.ts';

export interface KnownHistory {
  readonly last_sequence: number;
  /** In the session's own order. A key that has no symbol is `foreign`. */
  readonly history: readonly Moment[];
  /** Of the session's tenant. */
  readonly symbols: ReadonlyMap<string, string>;
}

interface Stores { readonly db: Database; readonly symbols: HistorySymbols }
interface Wanted { readonly tenant: string; readonly session_id: string }

/** By session id; those of which nothing is stored are left out. */
export async function readHistories({ db, symbols }: Stores, wanted: readonly Wanted[]): Promise<ReadonlyMap<string, KnownHistory>> {
  const stored = await findHistories(db, wanted.map((each) => each.session_id));
  const tenantOf = new Map(wanted.map((each) => [each.session_id, each.tenant]));
  const dictionaries = new Map(await Promise.all([...new Set(tenantOf.values())].map(async (tenant) => {
    const ofTenant = stored.filter((each) => tenantOf.get(each.session_id) === tenant);
    return [tenant, dictionaryOf(await symbols.upTo(tenant, highestNumber(ofTenant.map((each) => each.symbols))))] as const;
  })));
  return new Map(stored.flatMap(({ session_id: id, last_sequence, symbols: text, times }) => {
    const dictionary = dictionaries.get(tenantOf.get(id) ?? '');
    if (dictionary === undefined) return [];
    const history = times.map((at, place) => ({ at, key: dictionary.keys.get(text[place] ?? foreign) ?? foreign }));
    return [[id, { last_sequence, history, symbols: dictionary.symbols }]];
  }));
}

export interface Dictionary { readonly symbols: ReadonlyMap<string, string>; readonly keys: ReadonlyMap<string, string> }

/** Both ways. */
export function dictionaryOf(numbers: SymbolNumbers): Dictionary {
  const pairs = [...numbers].map(([key, number]) => [key, symbolOf(number)] as const);
  return { symbols: new Map(pairs), keys: new Map(pairs.map(([key, symbol]) => [symbol, key])) };
}

/** -1: none has one. */
function highestNumber(texts: readonly string[]): number {
  return texts.reduce((highest, text) => {
    let most = highest;
    for (let place = 0; place < text.length; place += 1) most = Math.max(most, text.charCodeAt(place) - firstSymbol);
    return most;
  }, -1);
}
