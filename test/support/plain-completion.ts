/** Time to completion, told plainly: who is seen only for a while hands what he weighs on to those who are seen longer. */
import { completionMinutes, type CompletionTimes } from '../../analytics/reports/completion.ts';
import { isCompleted, type PlainSession } from './plain-sessions.ts';

interface Seen { readonly ms: number; readonly kind: 'completed' | 'left' | 'open' }

/** As the sessions are at `now`. */
export function plainCompletion(sessions: readonly PlainSession[], now: number): Omit<CompletionTimes, 'median_interval_minutes'> {
  const seen = sessions.map((session): Seen => {
    if (isCompleted(session)) return { ms: rounded(session.reached[3] ?? 0), kind: 'completed' };
    if (session.left !== null) return { ms: rounded(session.left.afterMs), kind: 'left' };
    return { ms: rounded(now - session.startedAt), kind: 'open' };
  });
  const weighed = weigh(seen);
  const share = (ms: number): number => weighed
    .filter((each) => each.kind === 'completed' && each.ms <= ms).reduce((total, { weight }) => total + weight, 0);
  const last = Math.max(-Infinity, ...seen.map(({ ms }) => ms));
  const known = seen.some(({ ms, kind }) => ms === last && kind === 'open') ? last : seen.length === 0 ? -Infinity : Infinity;
  const times = seen.filter(({ kind }) => kind === 'completed').map(({ ms }) => ms).toSorted((a, b) => a - b);
  const median = times.find((ms) => share(ms) >= 0.5 - 1e-9);
  return {
    completion_by: completionMinutes.map((minutes) => ({ minutes, share: minutes * 60_000 > known ? null : share(minutes * 60_000) })),
    median_minutes: median === undefined ? null : Math.round(median / 60) / 1_000,
    censored: seen.filter(({ kind }) => kind === 'open').length,
  };
}

function weigh(seen: readonly Seen[]): readonly (Seen & { readonly weight: number })[] {
  const all = seen.map((each) => ({ ...each, weight: 1 / seen.length }));
  const inOrder = all.toSorted((a, b) => a.ms - b.ms);
  for (const each of inOrder) {
    const later = inOrder.filter(({ ms }) => ms > each.ms);
    if (each.kind !== 'open' || later.length === 0) continue;
    for (const other of later) other.weight += each.weight / later.length;
    each.weight = 0;
  }
  return all;
}

/** Up, to a thousandth of a minute, a second, a minute, an hour, by its size. */
function rounded(ms: number): number {
  const grain = ms <= 3_600_000 ? 60 : ms <= 86_400_000 ? 1_000 : ms <= 30 * 86_400_000 ? 60_000 : 3_600_000;
  return Math.ceil(ms / grain) * grain;
}
