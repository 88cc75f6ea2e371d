/**
 * Which alerts stand, begin and end, from what is open in the dead letter queue, from sessions that cannot move and from a scanner that
 * finds nothing. An alert is told when it begins and once more when it is over; what stands already is not told again.
 */
import type { StageName } from './lifecycle.ts';

export const alertKinds = ['capacity', 'age', 'new_fingerprint', 'session_stuck', 'scanner_blind', 'conversion_drop'] as const;
export type AlertKind = (typeof alertKinds)[number];

/** One way of failing among the open tasks of a tenant. */
export interface OpenFingerprint {
  readonly fingerprint: string;
  readonly task_name: string;
  readonly category: string;
  readonly open: number;
  /** Epoch ms. */
  readonly first_seen: number;
}

/** What is open in one tenant. Times are epoch ms. */
export interface QueueFacts {
  readonly tenant: string;
  readonly now: number;
  /** Parked, or being retried. */
  readonly open: number;
  /** Of those: parked longer ago than the age that alerts. */
  readonly open_too_long: number;
  readonly oldest_open_parked_at: number | null;
  readonly fingerprints: readonly OpenFingerprint[];
}

export interface AlertThresholds {
  /** Tasks of a tenant. */
  readonly capacity: number;
  /** Share of the capacity that alerts, percent. */
  readonly sharePercent: number;
  readonly ageHours: number;
}

export interface CapacityFacts { readonly open: number; readonly capacity: number; readonly percent: number }
export interface AgeFacts {
  readonly open: number;
  readonly open_too_long: number;
  readonly age_hours: number;
  readonly oldest_open_parked_at: number | null;
}

/** Workflows of a tenant whose tasks fail again and again, sessions and parked tasks. */
export interface StuckFacts { readonly stuck: number; readonly failure_type: string }
/** A step of a flow: of those who stood before it, who made it in time, on a day and on the same weekday of the four weeks before. */
export interface DropFacts {
  readonly flow: string;
  readonly from_stage: StageName;
  readonly to_stage: StageName;
  /** Its beginning, RFC 3339. */
  readonly day: string;
  /** Of the day. */
  readonly timezone: 'UTC';
  /** 0 to 1. */
  readonly rate: number;
  readonly sessions: number;
  readonly rate_before: number;
  readonly sessions_before: number;
  readonly p_adjusted: number;
  /** So long each session had, on both sides. */
  readonly follow_up_seconds: number;
}

export interface TenantStuck extends StuckFacts { readonly tenant: string }

/** The virus scanner of uploads calls clean what everybody finds. `workers`: that see it so. */
export interface BlindFacts {
  readonly workers: number;
  /** Epoch ms. */
  readonly blind_since: number | null;
}

/** Numbers and names only: nothing that a person said, no input, no message of an error. */
export type AlertDetail =
  | { readonly kind: 'capacity'; readonly facts: CapacityFacts }
  | { readonly kind: 'age'; readonly facts: AgeFacts }
  | { readonly kind: 'new_fingerprint'; readonly facts: OpenFingerprint }
  | { readonly kind: 'session_stuck'; readonly facts: StuckFacts }
  | { readonly kind: 'scanner_blind'; readonly facts: BlindFacts }
  | { readonly kind: 'conversion_drop'; readonly facts: DropFacts };

/** Of a tenant, at most one alert of a kind and key stands at a time. */
export type Alert = AlertDetail & {
  /** Nobody's where it is about what all tenants share. */
  readonly tenant: string;
  /** The fingerprint, or flow:stage; '' where there is one alert a tenant. */
  readonly key: string;
};

export interface AlertChanges {
  readonly begun: readonly Alert[];
  /** With the facts of its end. Never a new fingerprint: that it was new stays true. */
  readonly over: readonly Alert[];
}

/** A full queue is over when it is this much of the alerting share: else one task that comes and goes would be told each time. */
const recoveredShare = 0.9;
const hourMs = 3_600_000;

/** `known`: alerts of the tenant that stand already, and every fingerprint that was ever told. */
export function alertChanges(
  facts: QueueFacts, known: readonly { readonly kind: AlertKind; readonly key: string }[], thresholds: AlertThresholds,
): AlertChanges {
  const isKnown = (kind: AlertKind, key = ''): boolean => known.some((alert) => alert.kind === kind && alert.key === key);
  const capacity = capacityAlert(facts, thresholds);
  const age = ageAlert(facts, thresholds);
  const full = isKnown('capacity') ? isFull(facts, thresholds, recoveredShare) : isFull(facts, thresholds);
  const late = isLate(facts, thresholds);
  const fingerprints = facts.fingerprints.filter(({ fingerprint }) => !isKnown('new_fingerprint', fingerprint));
  return {
    begun: [
      ...(full && !isKnown('capacity') ? [capacity] : []), ...(late && !isKnown('age') ? [age] : []),
      ...fingerprints.map((fingerprint): Alert => ({
        tenant: facts.tenant, kind: 'new_fingerprint', key: fingerprint.fingerprint, facts: fingerprint,
      })),
    ],
    over: [...(!full && isKnown('capacity') ? [capacity] : []), ...(!late && isKnown('age') ? [age] : [])],
  };
}

/**
 * `stuck`: of each tenant that has any; `standing`: alerts of this kind, with the facts of their beginning. One alert a tenant: what
 * breaks one session breaks the others too.
 */
export function stuckChanges(
  stuck: readonly TenantStuck[], standing: readonly TenantStuck[],
): AlertChanges {
  const alert = ({ tenant, ...facts }: TenantStuck): Alert => ({ tenant, kind: 'session_stuck', key: '', facts });
  const among = (tenant: string, list: readonly { readonly tenant: string }[]): boolean => list.some((one) => one.tenant === tenant);
  return {
    begun: stuck.filter(({ tenant }) => !among(tenant, standing)).map(alert),
    over: standing.filter(({ tenant }) => !among(tenant, stuck)).map((one) => alert({ ...one, stuck: 0 })),
  };
}

/** What is about no tenant. */
export const nobody = '';

/**
 * A scanner is over its blindness only where somebody sees it find again: one that does not answer meanwhile is none that does, and
 * of several workers all have to see.
 */
export function blindChanges(
  { blind, seeing, blind_since }: { readonly blind: number; readonly seeing: number; readonly blind_since: number | null }, stands: boolean,
): AlertChanges {
  const alert: Alert = { tenant: nobody, kind: 'scanner_blind', key: '', facts: { workers: blind, blind_since } };
  return { begun: blind > 0 && !stands ? [alert] : [], over: blind === 0 && seeing > 0 && stands ? [alert] : [] };
}

function isFull({ open }: QueueFacts, { capacity, sharePercent }: AlertThresholds, share = 1): boolean {
  return open > 0 && open * 100 >= capacity * sharePercent * share;
}

function isLate({ now, oldest_open_parked_at: oldest }: QueueFacts, { ageHours }: AlertThresholds): boolean {
  return oldest !== null && now - oldest > ageHours * hourMs;
}

function capacityAlert({ tenant, open }: QueueFacts, { capacity }: AlertThresholds): Alert {
  return { tenant, kind: 'capacity', key: '', facts: { open, capacity, percent: Math.floor((open * 100) / capacity) } };
}

function ageAlert({ tenant, open, open_too_long, oldest_open_parked_at }: QueueFacts, { ageHours }: AlertThresholds): Alert {
  return { tenant, kind: 'age', key: '', facts: { open, open_too_long, age_hours: ageHours, oldest_open_parked_at } };
}
