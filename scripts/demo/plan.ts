/** Who comes, what they answer and how it ends: a pure function of the seed and the number of sessions. */
import type { Json } from '../../domain/json.ts';
import { seeded, type Random } from './random.ts';

/** How a session ends, or where it is left, with its share of all sessions. */
const shares = { completed: 0.42, modified: 0.12, rejected: 0.08, waiting: 0.08, stalled: 0.16, cancelled: 0.08, escalated: 0.06 } as const;
export type Outcome = keyof typeof shares;
export const outcomes = Object.keys(shares) as readonly Outcome[];

export interface Visit {
  /** From 1. */
  readonly number: number;
  readonly flow: 'business_unit_setup' | 'site_survey';
  readonly language: 'en' | 'hi';
  readonly outcome: Outcome;
  /** Accepted answers after which the person stops; null: all the way. */
  readonly stopAfter: number | null;
  /** Answers, counted from 0, before which the person gives a wrong one. */
  readonly errs: readonly number[];
  /** Answers, counted from 0, that are given in words. */
  readonly speaks: readonly number[];
  /** Accepted answers after which the person goes on with another device; null: never. */
  readonly returnsAfter: number | null;
  /** Accepted answers after which the person leaves, and comes back by the link of a reminder; null: never. */
  readonly leavesAfter: number | null;
  /** Accepted answers after which the first one is corrected; null: never. */
  readonly amendsAfter: number | null;
  /** Questions for a file that are answered with a picture; others are skipped. */
  readonly photographs: readonly string[];
  /** The other value for the first question. */
  readonly amendment: Json;
  /** By question id; more than will be asked. */
  readonly answers: Readonly<Record<string, Json>>;
  readonly reason: string;
}

/** Each flow asks at least this many questions. */
const leastQuestions = 6;
/** Every so many of those who finish leave on the way, and at most so many: each link is spent without a credential, of which an
 * address has 60 an hour. */
const [leavesEvery, leaveMax] = [4, 5];

/** Outcomes in their shares, in random order. The same seed and number give the same visits. */
export function plan(seed: number, sessions: number): readonly Visit[] {
  const random = seeded(seed);
  const visits = random.shuffled(apportioned(sessions)).map((outcome, at) => visit(random, outcome, at + 1));
  const finishing = visits.filter(({ stopAfter }) => stopAfter === null);
  const leaving = new Set(finishing.filter((_, at) => at % leavesEvery === 0).slice(0, leaveMax));
  return visits.map((each) => (leaving.has(each) ? { ...each, leavesAfter: 1 + each.number % (leastQuestions - 2) } : each));
}

/** Largest remainders: the counts sum up to the number of sessions. */
function apportioned(sessions: number): Outcome[] {
  const exact = outcomes.map((outcome) => ({
    outcome, count: Math.floor(shares[outcome] * sessions), rest: (shares[outcome] * sessions) % 1,
  }));
  let missing = sessions - exact.reduce((sum, { count }) => sum + count, 0);
  for (const entry of exact.toSorted((a, b) => b.rest - a.rest)) {
    if (missing > 0) entry.count += 1;
    missing -= 1;
  }
  return exact.flatMap(({ outcome, count }) => Array<Outcome>(count).fill(outcome));
}

function visit(random: Random, outcome: Outcome, number: number): Visit {
  const flow = random.chance(0.75) ? 'business_unit_setup' : 'site_survey';
  const language = random.chance(0.65) ? 'en' : 'hi';
  const stops = outcome === 'stalled' || outcome === 'cancelled' || outcome === 'escalated';
  const chosen = (share: number): number[] => Array.from({ length: 12 }, (_, at) => at).filter(() => random.chance(share));
  return {
    number, flow, language, outcome, stopAfter: stops ? random.whole(outcome === 'escalated' ? 1 : 0, leastQuestions - 1) : null,
    // who stops has had more trouble before
    errs: chosen(stops ? 0.3 : 0.08), speaks: chosen(0.2),
    returnsAfter: random.chance(0.25) ? random.whole(1, 4) : null, amendsAfter: random.chance(0.2) ? random.whole(3, 5) : null,
    leavesAfter: null,
    ...(flow === 'business_unit_setup' ? unit(random, language) : survey(random, language)), reason: random.pick(reasons),
  };
}

const urgencies = ['immediate', 'this_week', 'this_month', 'planned'] as const;
const kinds = ['office', 'retail_store', 'warehouse', 'bank_branch', 'industrial'] as const;
const day = [
  ['09:00', '17:30'], ['08:00', '18:00'], ['10:00', '22:00'], ['06:00', '14:00'], ['22:00', '06:00'], ['00:00', '23:59'],
] as const;
const nights = [['22:00', '06:00'], ['20:00', '06:30'], ['18:00', '08:00'], ['09:00', '18:00']] as const;

function unit(random: Random, language: Visit['language']): Pick<Visit, 'answers' | 'amendment' | 'photographs'> {
  const urgency = random.pick(urgencies);
  const kind = random.pick(kinds);
  return {
    photographs: [], amendment: random.pick(urgencies.filter((other) => other !== urgency)),
    answers: {
      setup_urgency: urgency, business_unit_type: kind, business_unit_name: placeName(random, language, kind),
      expected_users: random.whole(2, 240),
      operating_hours: range(random.pick(day)), go_live_on: random.chance(0.7) ? calendarDay(random) : null,
      security_level: random.pick(['basic', 'standard', 'standard', 'high'] as const), gps_tracking: random.chance(0.7),
      permissible_distance_m: random.pick([50, 100, 150, 250]), sleeping_guard_check: random.chance(0.6),
      contact_email: random.chance(0.4) ? `site-${random.whole(100, 999)}@example.org` : null,
    },
  };
}

function survey(random: Random, language: Visit['language']): Pick<Visit, 'answers' | 'amendment' | 'photographs'> {
  const kind = random.pick(kinds);
  const equipment = ['cameras', 'lights', 'fence', 'alarm'].filter(() => random.chance(0.5));
  return {
    amendment: placeName(random, language, kind),
    answers: {
      site_name: placeName(random, language, kind), surveyed_on: calendarDay(random), guarded_hours: range(random.pick(nights)),
      equipment: equipment.length === 0 ? null : equipment, cameras_count: random.whole(2, 40),
      risk_seen: random.pick(['low', 'medium', 'medium', 'high'] as const),
    },
    photographs: ['entrance_photo', 'weak_spot_photo'].filter(() => random.chance(0.7)),
  };
}

const areas = {
  en: [
    'Harbour Road', 'Lakeside', 'Mill Lane', 'Station Square', 'North Gate', 'Old Market', 'Garden Street', 'Hilltop', 'River Bend',
    'Airport Road', 'Canal View', 'Temple Street',
  ],
  hi: [
    'स्टेशन रोड', 'झील किनारा', 'पुराना बाज़ार', 'नई बस्ती', 'उत्तरी द्वार', 'नहर चौक', 'बाग़ वाली गली', 'पहाड़ी मार्ग', 'नदी घाट',
    'हवाई अड्डा मार्ग',
  ],
} as const;
const kindNames = {
  en: { office: 'Office', retail_store: 'Store', warehouse: 'Warehouse', bank_branch: 'Branch', industrial: 'Works' },
  hi: { office: 'दफ़्तर', retail_store: 'दुकान', warehouse: 'गोदाम', bank_branch: 'शाखा', industrial: 'कारख़ाना' },
} as const;
const reasons = [
  'I have to ask a colleague first.', 'We will do this next month.', 'The address is not settled yet.',
  'I would rather speak to somebody.', 'This is more than I expected.',
] as const;

/** Numbered, so that two of one kind in one street are two places. */
function placeName(random: Random, language: Visit['language'], kind: (typeof kinds)[number]): string {
  return `${random.pick(areas[language])} ${kindNames[language][kind]} ${random.whole(1, 99)}`;
}

function range([start, end]: readonly [string, string]): Json {
  return { start, end };
}

function calendarDay(random: Random): string {
  return `2027-${String(random.whole(1, 12)).padStart(2, '0')}-${String(random.whole(1, 28)).padStart(2, '0')}`;
}
