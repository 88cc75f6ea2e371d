/**
 * The sessions of a funnel of one's own by where their histories are read, with the histories that there are, and how many sessions had
 * each: counted in the same pass in which they are found.
 */
import type { ClickHouse, QueryOptions } from '../../stores/clickhouse/client.ts';
import { foreign, later } from '../history.ts';
import type { SessionFilters } from '../sessions-in.ts';
import { hasWhere, type FunnelDefinition } from './definition.ts';
import { bitOf, has, stepsOf, type Mark } from './marks.ts';
import { outcomeOf, type MarkedHistory, type Outcome } from './outcome.ts';
import { eventHistories, otherBefore, reachAfter, reducedTrails, trails, withReach, type Source, type ToldOf } from './sources.ts';
import { Alphabet, type NamedSymbols } from './symbols.ts';

/** Different histories of one funnel at most. Each is worked out once; a tenant has some thousand. */
const historiesMax = 50_000;
/** `trails`: of whole trails; where there are more, only what the funnel names is compared. */
export interface HistoryBounds { readonly trails: number; readonly histories: number }
export const usual: HistoryBounds = { trails: 20_000, histories: historiesMax };

/** There are too many different histories to work out: a shorter period or fewer steps have less. */
export class TooManyHistories extends Error {
  override readonly name = 'TooManyHistories';
}

export interface OwnFunnel {
  readonly definition: FunnelDefinition;
  readonly filters: SessionFilters;
  /** Epoch ms: decides what of imported sessions was left. */
  readonly now: number;
  readonly symbols: NamedSymbols;
}

/** A history as it was found, and how many sessions had it. */
export interface FoundHistory {
  readonly history: string;
  /** Of sessions that are longer than the window: it is counted for these by itself. */
  readonly is_long: 0 | 1;
  readonly outcome: Outcome;
  readonly marked: MarkedHistory;
  readonly sessions: number;
  /** Of these, those of which all lies in the period; and of these, those that were left. */
  readonly whole: number;
  readonly whole_left: number;
  /** Earliest start within the period of those of which not all lies in it, epoch ms; 0: none started there. */
  readonly cut_from_ms: number;
}

/** Sessions of one source, and what their histories are. */
export interface Part {
  readonly source: Source;
  readonly histories: readonly FoundHistory[];
  /** Their only attempt is cut off where the window ends; the histories do not know where that is. */
  readonly isCut: boolean;
}

export const nothing: Outcome = { opens: 0, level: 0, at: [], first: [], optional: 0 };

/** Each session is in one of them. Throws TooManyHistories. */
export async function partsOf(
  db: ClickHouse, funnel: OwnFunnel, options: QueryOptions, bounds: HistoryBounds,
): Promise<readonly Part[]> {
  const { definition, filters, now, symbols } = funnel;
  const windowMs = windowMsOf(definition);
  const reading: Reading = { db, funnel, alphabet: new Alphabet(symbols, definition), options };
  const byEvents = (only: 'all' | 'without a trail'): Promise<Part> => {
    const source = eventHistories(filters, now, definition, only);
    return partOf(reading, windowMs === null ? source : withReach(source, windowMs), bounds.histories);
  };
  if (hasWhere(definition) || symbols.full) return [await byEvents('all')];
  const told = await toldParts(reading, bounds);
  const untold = told.some(({ histories }) => histories.some(({ history }) => history === ''));
  return untold ? [...told, await byEvents('without a trail')] : told;
}

interface Reading {
  readonly db: ClickHouse;
  readonly funnel: OwnFunnel;
  readonly alphabet: Alphabet;
  readonly options: QueryOptions;
}

/** null: there are more than `max`. `windowMs`: which sessions are longer than that. */
async function found(
  { db, funnel, alphabet, options }: Reading, { sql, params }: Source, max: number, windowMs: number | null = null,
): Promise<readonly FoundHistory[] | null> {
  const rows = await db.query<Omit<FoundHistory, 'outcome' | 'marked'>>({
    sql: `SELECT history, ${windowMs === null ? '0' : 'last_ms > {window_ms:UInt64}'} AS is_long, count() AS sessions,
        countIf(is_whole) AS whole, countIf(is_whole AND is_left) AS whole_left,
        toUnixTimestamp64Milli(minIf(started_at, NOT is_whole AND started_at >= fromUnixTimestamp64Milli({start_ms:Int64}))) AS cut_from_ms
      FROM (${sql}) GROUP BY history, is_long LIMIT ${max + 1}`,
    params: windowMs === null ? params : { ...params, window_ms: windowMs },
  }, options);
  if (rows.length > max) return null;
  return rows.map((row) => {
    const marked = read(row.history, alphabet);
    return { ...row, marked, outcome: outcomeOf(marked, funnel.definition) };
  });
}

async function partOf(reading: Reading, source: Source, max: number): Promise<Part> {
  const histories = await found(reading, source, max);
  if (histories === null) throw new TooManyHistories(`More than ${max} different histories`);
  return { source, histories, isCut: false };
}

/** Of sessions with a history in their row, the quick way first. Those that are no longer than the window need not know of it. */
async function toldParts(reading: Reading, bounds: HistoryBounds): Promise<readonly Part[]> {
  const { funnel: { definition, filters, now }, alphabet } = reading;
  const opens = (mark: Mark): boolean => (definition.order === 'unordered' ? stepsOf(mark) !== 0 : has(mark, bitOf.step(0)));
  const others = alphabet.markOf(foreign) !== 0;
  const whole: ToldOf = {
    opening: alphabet.symbolsWith(opens), symbols: alphabet.symbolsWith((mark) => !others || mark !== bitOf.other), others, span: null,
  };
  // nothing opens: what comes along are those without a history
  if (whole.opening === '') return [await partOf(reading, trails(filters, now, whole), bounds.histories)];
  const windowMs = windowMsOf(definition);
  const all = await found(reading, trails(filters, now, whole), bounds.trails, windowMs);
  const short: ToldOf = { ...whole, span: windowMs === null ? null : { windowMs, is: 'within' } };
  const first: Part = all === null ? await partOf(reading, reducedTrails(filters, now, short), bounds.histories)
    : { source: trails(filters, now, short), histories: all.filter(({ is_long: long }) => long === 0), isCut: false };
  if (windowMs === null) return [first];
  const long: ToldOf = { ...whole, span: { windowMs, is: 'longer' } };
  return [first, ...await longParts(reading, long, windowMs, all?.filter((each) => each.is_long === 1) ?? null, bounds)];
}

/** Of those that are longer than the window. Where an attempt can open in one place alone, the one without a window is cut off. */
async function longParts(
  reading: Reading, long: ToldOf, windowMs: number, all: readonly FoundHistory[] | null, bounds: HistoryBounds,
): Promise<readonly Part[]> {
  const { funnel: { definition, filters, now } } = reading;
  const reduced = (of: ToldOf): Promise<Part> => partOf(reading, withReach(reducedTrails(filters, now, of), windowMs), bounds.histories);
  const mayCut = definition.order === 'ordered' && definition.steps.every(({ optional }) => !optional);
  if (all === null || !mayCut) return [await reduced(long)];
  const single = all.filter(({ marked }) => openings(marked) < 2);
  const histories = all.map((each) => (openings(each.marked) < 2 ? each : { ...each, outcome: nothing }));
  const cut: Part = { source: trails(filters, now, long), histories, isCut: true };
  if (single.length === all.length) return [cut];
  return [cut, await reduced({ ...long, but: single.map(({ history }) => history) })];
}

function openings({ groups }: MarkedHistory): number {
  return groups.filter(({ marks }) => marks.some((mark) => has(mark, bitOf.step(0)))).length;
}

function windowMsOf({ window_seconds: seconds }: FunnelDefinition): number | null {
  return seconds === null ? null : seconds * 1_000;
}

/** Characters of a row's history, or marks of events: no character is a digit. */
function read(history: string, alphabet: Alphabet): MarkedHistory {
  const [text = '', reach] = history.split(reachAfter);
  const groups: { place: number; marks: readonly Mark[] }[] = [];
  text.split(later).forEach((group, index) => {
    if (group.startsWith(otherBefore)) groups.push({ place: index, marks: [bitOf.other] });
    groups.push({ place: index + 1, marks: marksOf(group.replace(otherBefore, ''), alphabet) });
  });
  return { groups, reach: reach === undefined ? null : reach.split(',').map(Number) };
}

function marksOf(group: string, alphabet: Alphabet): readonly Mark[] {
  if (/^[\d,]+$/.test(group)) return group.split(',').map(Number);
  return Array.from(group, (symbol) => alphabet.markOf(symbol)).filter((mark) => mark !== 0);
}
