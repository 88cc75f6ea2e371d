/** Which events a tenant's sessions have: what a funnel's steps can name. */
import type { ClickHouse, QueryOptions } from '../../stores/clickhouse/client.ts';
import { sessionsIn, type SessionFilters } from '../sessions-in.ts';

export interface KnownEvent {
  readonly name: string;
  readonly count: number;
  /** Most frequent first, at most 200 of each. */
  readonly questions: readonly { readonly question_id: string; readonly count: number }[];
  readonly properties: readonly { readonly name: string; readonly count: number }[];
}

export const knownEventsMax = 1_000;
const detailsMax = 200;

/** Events of the sessions that the filters name, whenever they happened; most frequent first. `more`: there are others. */
export async function knownEvents(
  db: ClickHouse, filters: SessionFilters, now: number, options: QueryOptions = {},
): Promise<{ readonly events: readonly KnownEvent[]; readonly more: boolean }> {
  const { from, params } = sessionsIn(filters, now, { any_stage: true });
  const source = `events FINAL WHERE tenant = {tenant:String} AND session_id IN (SELECT session_id FROM ${from})`;
  const rows = await db.query<{ name: string; counted: number; questions: [string, number][]; properties: [string, number][] }>({
    sql: `SELECT name, sum(each) AS counted, ${topOf('sumMap(asked)')} AS questions, ${topOf('sumMap(told)')} AS properties
      FROM (
        SELECT name, question_id, count() AS each, if(question_id = '', map(), map(toString(question_id), toUInt64(each))) AS asked,
          sumMap(mapFromArrays(arrayMap(key -> toString(key), mapKeys(properties)), arrayMap(key -> toUInt64(1),
            mapKeys(properties)))) AS told
        FROM ${source} GROUP BY name, question_id
      )
      GROUP BY name ORDER BY counted DESC, name LIMIT ${knownEventsMax + 1}`,
    params,
  }, options);
  return {
    events: rows.slice(0, knownEventsMax).map(({ name, counted, questions, properties }) => ({
      name, count: counted,
      questions: questions.map(([id, count]) => ({ question_id: id, count })),
      properties: properties.map(([key, count]) => ({ name: key, count })),
    })),
    more: rows.length > knownEventsMax,
  };
}

/** Pairs of a map, the largest first. */
function topOf(map: string): string {
  return `arraySlice(arraySort(pair -> (-toInt64(pair.2), pair.1), arrayZip(mapKeys(${map}), mapValues(${map}))), 1, ${detailsMax})`;
}
