/** A funnel's sessions divided by what they have: the ten largest parts and the rest. */
import type { Parameter } from '../../stores/clickhouse/client.ts';

export const dimensions = ['flow', 'flow_version', 'language', 'user_segment', 'device'] as const;
export type Dimension = (typeof dimensions)[number];
/** By a dimension, or by the answers to a closed question. */
export type Breakdown = Dimension | { readonly answer: string };

export const partsMax = 10;
/** Of sessions that have nothing there. */
export const noLabel = 'none';

interface Expression { readonly sql: string; readonly params: Readonly<Record<string, Parameter>> }

/** `flow`: all sessions have this one, so that its versions need not say so. */
export function labelOf(breakdown: Breakdown, flow: string | undefined): Expression {
  const [text, params] = typeof breakdown === 'object'
    ? ['closed_answers[{breakdown_question:String}]', { breakdown_question: breakdown.answer }] as const
    : [dimensionSql(breakdown, flow), {}] as const;
  return { sql: `if(toString(${text}) = '', '${noLabel}', toString(${text}))`, params };
}

function dimensionSql(dimension: Dimension, flow: string | undefined): string {
  if (dimension === 'user_segment') return 'segment';
  return dimension === 'flow_version' && flow === undefined ? "concat(flow, ':', toString(flow_version))" : dimension;
}

/** A part of a breakdown: one of its labels, or all but the largest. */
export type Cell = { readonly label: string } | 'other';
