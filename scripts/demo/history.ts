/** A past for the reports: visits of some weeks as an import takes them, a pure function of the seed and the day it ends on. */
import { stages, type StageName } from '../../domain/lifecycle.ts';
import { seeded, type Random } from './random.ts';

export interface PastLine {
  readonly session_id: string;
  readonly event: string;
  readonly timestamp: string;
  readonly user?: string;
  readonly properties?: Readonly<Record<string, string | number>>;
}

export interface Past {
  readonly seed: number;
  readonly days: number;
  /** Midnight after the last day, epoch ms UTC. */
  readonly until: number;
}

export const pastDaysMax = 400;
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

/** Visits of a usual Tuesday. */
const visitsADay = 30;
/** Sunday first. */
const weekdays = [0.25, 0.95, 1, 1.05, 1, 0.85, 0.35] as const;
/** How many of 100 come in each hour. */
const hours = [1, 0, 0, 0, 0, 1, 2, 4, 8, 11, 11, 9, 6, 8, 10, 9, 7, 5, 3, 2, 1, 1, 1, 0] as const;

const flows = {
  business_unit_setup: [
    'setup_urgency', 'business_unit_type', 'business_unit_name', 'expected_users', 'operating_hours', 'go_live_on', 'security_level',
  ],
  site_survey: ['site_name', 'surveyed_on', 'guarded_hours', 'equipment', 'cameras_count', 'risk_seen'],
} as const;
type FlowId = keyof typeof flows;
/** What people stumble over, and leave at. */
const hard: ReadonlySet<string> = new Set(['expected_users', 'operating_hours', 'equipment', 'guarded_hours']);
/** Share of those at a stage who make the next one, of the questions apart. */
const onwards: Readonly<Record<Exclude<StageName, 'started' | 'completed'>, number>> = {
  engaged: 0.97, recommendations_generated: 0.86, approval_decision: 0.93,
};
const devices = { desktop: 0.52, phone: 0.36, tablet: 0.12 } as const;
type Device = keyof typeof devices;
/** Where typing is a burden more people leave. */
const patience: Readonly<Record<Device, number>> = { desktop: 1, phone: 0.93, tablet: 0.97 };

/** In the order of visits, each in the order of time. The same past again has the same lines. */
export function* pastOf({ seed, days, until }: Past): Generator<PastLine> {
  const random = seeded(seed);
  let number = 0;
  for (let back = days; back > 0; back -= 1) {
    const midnight = until - back * day;
    // more come from week to week, and since a month they finish more often
    const growth = 1 + (0.4 * (days - back)) / days;
    const expected = visitsADay * (weekdays[new Date(midnight).getUTCDay()] ?? 1) * growth;
    const visits = Math.max(0, Math.round(expected + (random.next() - 0.5) * 0.4 * expected));
    for (let visit = 0; visit < visits; visit += 1) {
      number += 1;
      const id = `demo-${seed}-${new Date(midnight).toISOString().slice(0, 10)}-${number}`;
      yield* visitOf(random, id, midnight + timeOfDay(random), until, back);
    }
  }
}

function timeOfDay(random: Random): number {
  let left = random.next() * hours.reduce<number>((sum, share) => sum + share, 0);
  const at = hours.findIndex((share) => (left -= share) < 0);
  return Math.max(at, 0) * hour + Math.floor(random.next() * hour);
}

function* visitOf(random: Random, id: string, start: number, until: number, back: number): Generator<PastLine> {
  const flow: FlowId = random.chance(0.7) ? 'business_unit_setup' : 'site_survey';
  const device = weighted(random, devices);
  const language = random.chance(0.72) ? 'en' : 'hi';
  // a second version has been there for a month, and is kinder
  const version = back <= 30 ? 2 : 1;
  const stays = patience[device] * (version === 2 ? 1.02 : 1) * (language === 'hi' ? 0.99 : 1);
  const line = (event: string, at: number, properties?: PastLine['properties']): PastLine => ({
    session_id: id, event, timestamp: new Date(at).toISOString(), ...(properties === undefined ? {} : { properties }),
  });
  const lines: PastLine[] = [{
    ...line('started', start, { flow, flow_version: version, language, device }), user: `visitor-${random.whole(1, 900)}`,
  }];
  let at = start;
  const add = (event: string, properties?: PastLine['properties']): void => { lines.push(line(event, at, properties)); };
  const isOver = answersOf(random, flows[flow], stays, (ms) => { at += ms; }, add);
  if (!isOver) {
    for (const stage of stages.slice(2)) {
      const before = stages[stages.indexOf(stage) - 1];
      const share = before === undefined || before === 'started' || before === 'completed' ? 1 : onwards[before];
      if (!random.chance(share * Math.min(stays, 1))) break;
      // an approver takes hours, everything else is quick
      const [least, most] = stage === 'approval_decision' ? [10 * minute, 30 * hour] : [3_000, 40_000];
      at += Math.round(between(random, least, most));
      add(stage);
    }
  }
  // what has not happened yet is not told
  yield* lines.filter(({ timestamp }) => Date.parse(timestamp) < until);
}

/** Returns whether the person has left. */
function answersOf(
  random: Random, questions: readonly string[], stays: number, wait: (ms: number) => void,
  add: (event: string, properties?: PastLine['properties']) => void,
): boolean {
  for (const [place, id] of questions.entries()) {
    const question = { question_id: id };
    add('question_shown', question);
    if (!random.chance(Math.min(stays * (hard.has(id) ? 0.93 : 0.975), 1))) {
      if (random.chance(0.15)) {
        wait(Math.round(between(random, 5_000, 2 * minute)));
        add('cancelled');
      }
      return true;
    }
    for (let again = 0; again < 2 && random.chance(hard.has(id) ? 0.22 : 0.05); again += 1) {
      wait(Math.round(between(random, 5_000, 90_000)));
      add('answer_refused', question);
    }
    if (hard.has(id) && random.chance(0.12)) {
      wait(Math.round(between(random, 2_000, 20_000)));
      add('opened_help', { question_id: id });
    }
    wait(Math.round(between(random, 4_000, hard.has(id) ? 4 * minute : 90_000)));
    add('question_answered', question);
    if (place === 0) add('engaged');
  }
  return false;
}

function weighted<Name extends string>(random: Random, shares: Readonly<Record<Name, number>>): Name {
  const names = Object.keys(shares) as Name[];
  let left = random.next();
  const found = names.find((name) => (left -= shares[name]) < 0) ?? names[0];
  if (found === undefined) throw new Error('There is nothing to choose from.');
  return found;
}

/** Short times are more frequent than long ones. */
function between(random: Random, min: number, max: number): number {
  return min * (max / min) ** random.next();
}
