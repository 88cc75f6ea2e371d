/** Two periods side by side, as reports show them. */
import { z } from 'zod';
import type { Side, StageComparison } from '../analytics/reports/comparison.ts';
import type { DrillDown, Narrowed } from '../analytics/reports/drill-down.ts';
import { followedUntil, type FollowUp } from '../analytics/reports/followed.ts';
import type { Period } from '../analytics/periods/period.ts';
import type { Selection } from '../analytics/sessions-in.ts';
import { stages } from '../domain/lifecycle.ts';
import { iso } from './presentation.ts';
import { count, drill_down, interval, minutes, rate, rateOrNull, time } from './wire.ts';

/** Of a difference of rates. */
export const differenceInterval = z.array(z.number().min(-1).max(1)).length(2).readonly();

export const changeWire = z.object({
  absolute: z.number().nullable(), percent: z.number().nullable().meta({ description: 'Of the earlier value; null where that is 0' }),
});

export const SideWire = z.object({
  start: time, end: time, days: z.number(), total_sessions: count, sessions_per_day: z.number().nullable(),
  followed_sessions: count.meta({ description: 'At least as old as the follow-up' }), excluded_young: count,
  completed_sessions: count.meta({ description: 'Of the followed ones, within the follow-up of their own start' }),
  conversion_rate: rateOrNull, interval, median_completion_time_minutes: minutes, drill_down,
  drill_downs: z.object({ followed_sessions: drill_down, excluded_young: drill_down, completed_sessions: drill_down }),
}).meta({ id: 'ComparedPeriod' });

const stageSide = z.object({ count, conversion_rate: rateOrNull, drill_down });

export const StageComparisonWire = z.object({
  name: z.string().meta({ description: 'A stage, or a step of a funnel of one\'s own' }), period1: stageSide, period2: stageSide,
  change: changeWire, interval: differenceInterval, p_value: rate, p_adjusted: rate, significant: z.boolean(),
}).meta({ id: 'StageComparison' });

export const followUpWire = {
  follow_up_seconds: z.number().int().meta({ description: 'How long each session had, on both sides' }), excluded_young: count,
};

/** Lists of the sessions of a period that are old enough, and of those that are not. */
export interface FollowedLinks {
  readonly all: string;
  readonly young: string;
  readonly followed: string;
  /** Of the followed ones, those that made the step within the follow-up. Steps count from 0, the start. */
  readonly reached: (step: number) => string;
}

/** What a list has of the sessions of a period; `step` undefined: all of them. */
export interface FollowedSelection extends Pick<Selection, 'within_seconds' | 'started_from_ms' | 'started_before_ms'> {
  readonly step?: number;
}

/** `to`: a list of the period. */
export function followedLinks(to: (selection: FollowedSelection) => string, follow: FollowUp): FollowedLinks {
  // The last that is old enough counts; a bound does not.
  const until = followedUntil(follow) + 1;
  return {
    all: to({}), young: to({ started_from_ms: until }), followed: to({ started_before_ms: until }),
    reached: (step) => to({ step, within_seconds: follow.followUpMs / 1_000, started_before_ms: until }),
  };
}

/** Lists of the stages. */
export function stageLists(links: DrillDown, narrowed: Narrowed): (selection: FollowedSelection) => string {
  return ({ step, ...rest }) => links.to({ ...(step === undefined ? {} : { stage: stages[step] }), ...rest }, narrowed);
}

/** The last stage, as a step. */
export const lastStage = stages.length - 1;

export function sideWire(side: Side, period: Period, links: FollowedLinks): z.input<typeof SideWire> {
  return {
    start: iso(period.startMs), end: iso(period.endMs), ...side, drill_down: links.all,
    drill_downs: { followed_sessions: links.followed, excluded_young: links.young, completed_sessions: links.reached(lastStage) },
  };
}

/** `earlierIsFirst`: whether what is called 1 is the earlier one. */
export function stagesWire(
  compared: readonly StageComparison[], earlierIsFirst: boolean, first: FollowedLinks, second: FollowedLinks,
): z.input<typeof StageComparisonWire>[] {
  return compared.map(({ earlier, later, ...stage }, step) => {
    const [one, two] = earlierIsFirst ? [earlier, later] : [later, earlier];
    return {
      ...stage, period1: { ...one, drill_down: first.reached(step) }, period2: { ...two, drill_down: second.reached(step) },
    };
  });
}
