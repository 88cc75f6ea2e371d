/** The address of the list behind a number: GET /analytics/sessions/ with the filters of the report and what the number counts. */
import type { Selection, SessionFilters } from '../sessions-in.ts';

export const sessionsPath = '/api/v1/onboarding/analytics/sessions/';

export interface DrillDown {
  /** Of those sessions of the report that `selection` names; `period`: of another one than the report's, epoch ms. */
  to(selection?: Selection, narrowed?: Narrowed): string;
  /** Of a funnel of one's own: with its definition and what the number counts. */
  toOwn(parameters: Readonly<Record<string, string | number | undefined>>, narrowed?: Narrowed): string;
}

/** Other filters than the report's: of a bucket, a cohort, a cell. */
export type Narrowed = Partial<Omit<SessionFilters, 'tenant'>>;

/** `clientId`: the tenant, where a platform names it. */
export function drillDown(filters: SessionFilters, clientId?: string): DrillDown {
  const pathOf = (narrowed: Narrowed, more: object): string => {
    const { startMs, endMs, flow, flow_version: version, language, segment, device, answer } = { ...filters, ...narrowed };
    const parameters: Readonly<Record<string, string | number | undefined>> = {
      client_id: clientId, start_date: new Date(startMs).toISOString(), end_date: new Date(endMs).toISOString(), flow,
      flow_version: version, language, user_segment: segment, device,
      answer: answer === undefined ? undefined : `${answer.question_id}:${answer.value}`, ...more,
    };
    const given = Object.entries(parameters)
      .flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]));
    return `${sessionsPath}?${new URLSearchParams(given).toString()}`;
  };
  return {
    to: (selection = {}, narrowed = {}) => pathOf(narrowed, selection),
    toOwn: (parameters, narrowed = {}) => pathOf(narrowed, parameters),
  };
}
