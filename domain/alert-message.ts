/** Alerts in plain words: what, since when, how many. No answer of a person, no input, no message of an error. */
import type { AlertDetail, CapacityFacts, AgeFacts, DropFacts } from './alert.ts';

/** An alert as it is told, at its beginning or at its end. Times are epoch ms. */
export type ToldAlert = {
  readonly says: 'raised' | 'recovered';
  readonly tenant: string;
  readonly raised_at: number;
  readonly resolved_at: number | null;
  /** Of the moment that is told: the beginning, or the end. */
} & AlertDetail;

export interface AlertWords {
  /** One line, up to 150 characters. */
  readonly title: string;
  readonly lines: readonly string[];
}

const titleLength = 150;

export function alertWords(alert: ToldAlert): AlertWords {
  const { title, lines } = alert.says === 'raised' ? raised(alert) : recovered(alert);
  return { title: cut(title), lines };
}

function raised(alert: ToldAlert): AlertWords {
  const { tenant } = alert;
  switch (alert.kind) {
    case 'capacity': {
      const { open, capacity, percent } = alert.facts;
      return {
        title: `${tenant}: ${tasks(open)} in the dead letter queue, ${percent} % of its capacity`,
        lines: [
          `${tasks(open)} of ${tenant} failed for good and ${open === 1 ? 'waits' : 'wait'} for an operator. The capacity is ` +
          `${capacity}; beyond it nothing is dropped.`,
          `Noticed ${time(alert.raised_at)}.`,
        ],
      };
    }
    case 'age':
      return {
        title: `${tenant}: tasks wait in the dead letter queue for more than ${hours(alert.facts)}`, lines: lateLines(tenant, alert.facts),
      };
    case 'new_fingerprint': {
      const { task_name, category, fingerprint, open, first_seen } = alert.facts;
      return {
        title: `${tenant}: ${task_name} fails in a new way (${category})`,
        lines: [
          `${tasks(open)} of ${tenant} failed in a way that was not seen before: task ${task_name}, category ${category}, ` +
            `fingerprint ${fingerprint}.`,
          `First seen ${time(first_seen)}.`,
        ],
      };
    }
    case 'session_stuck': {
      const { stuck, failure_type } = alert.facts;
      return {
        title: `${tenant}: ${workflows(stuck)} cannot move (${failure_type})`,
        lines: [
          `The workflow tasks of ${workflows(stuck)} of ${tenant} fail again and again: no message gets through, and nothing in ` +
          `them happens by itself. Each is listed with the command that heals it.`,
          `Noticed ${time(alert.raised_at)}.`,
        ],
      };
    }
    case 'conversion_drop': {
      const { flow, to_stage, rate, rate_before } = alert.facts;
      return {
        title: `${tenant}: fewer people of ${flow} come to ${to_stage}: ${percent(rate)} instead of ${percent(rate_before)}`,
        lines: [...dropLines(tenant, alert.facts), `Noticed ${time(alert.raised_at)}.`],
      };
    }
    case 'scanner_blind': {
      const { workers, blind_since } = alert.facts;
      return {
        title: 'The virus scanner of uploads is blind: it calls the EICAR text clean',
        lines: [
          `${workers === 1 ? 'A worker sees' : `${workers} workers see`} that clamd does not find what every scanner finds, as one does ` +
          'whose signatures are missing. Nothing that it says counts: uploads of all tenants wait in quarantine until it sees.',
          `Noticed ${time(blind_since ?? alert.raised_at)}.`,
        ],
      };
    }
  }
}

function recovered(alert: ToldAlert): AlertWords {
  const { tenant } = alert;
  const stood = `The alert stood from ${time(alert.raised_at)} to ${time(alert.resolved_at ?? alert.raised_at)}.`;
  switch (alert.kind) {
    case 'capacity':
      return { title: `Over: ${tenant}: the dead letter queue has room again`, lines: [openNow(tenant, alert.facts), stood] };
    case 'age':
      return {
        title: `Over: ${tenant}: no task waits in the dead letter queue for more than ${hours(alert.facts)}`,
        lines: [`${tasks(alert.facts.open)} of ${tenant} ${alert.facts.open === 1 ? 'is' : 'are'} open now.`, stood],
      };
    case 'new_fingerprint':
      return { title: `Over: ${tenant}: ${alert.facts.task_name} (${alert.facts.category})`, lines: [stood] };
    case 'session_stuck':
      return { title: `Over: ${tenant}: every session moves again`, lines: [stood] };
    case 'conversion_drop': {
      const { flow, to_stage } = alert.facts;
      return {
        title: `Over: ${tenant}: as many people of ${flow} come to ${to_stage} as before`,
        lines: [...dropLines(tenant, alert.facts), stood],
      };
    }
    case 'scanner_blind':
      return {
        title: 'Over: the virus scanner of uploads sees again', lines: ['It finds the EICAR text, and what waits is scanned again.', stood],
      };
  }
}

function lateLines(tenant: string, { open, open_too_long: late, oldest_open_parked_at: oldest, age_hours }: AgeFacts): readonly string[] {
  return [
    `${tasks(late)} of ${tenant} ${late === 1 ? 'has' : 'have'} been open for more than ${hours({ age_hours })}; ` +
      `${open} ${open === 1 ? 'is' : 'are'} open in all.`,
    ...(oldest === null ? [] : [`The oldest has waited since ${time(oldest)}.`]),
  ];
}

function dropLines(tenant: string, facts: DropFacts): readonly string[] {
  const { flow, from_stage, to_stage, day, timezone, rate, sessions, rate_before, sessions_before, p_adjusted, follow_up_seconds } = facts;
  const p = p_adjusted < 0.0001 ? 'under 0.0001' : p_adjusted.toFixed(4);
  return [
    `On ${day.slice(0, 10)} (${timezone}) ${percent(rate)} of ${sessions} sessions of ${flow} in ${tenant} went from ${from_stage} to ` +
      `${to_stage}; on the same weekday of the four weeks before ${percent(rate_before)} of ${sessions_before} did.`,
    `Each session had ${spanOf(follow_up_seconds)} for it. Adjusted p value ${p}.`,
  ];
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(1)} %`;
}

function spanOf(seconds: number): string {
  const count = Math.round(seconds / 3_600);
  return count === 1 ? '1 hour' : `${count} hours`;
}

function openNow(tenant: string, { open, capacity }: CapacityFacts): string {
  return `${tasks(open)} of ${tenant} ${open === 1 ? 'is' : 'are'} open now; the capacity is ${capacity}.`;
}

function workflows(count: number): string {
  return count === 1 ? '1 session or task' : `${count} sessions and tasks`;
}

function tasks(count: number): string {
  return count === 1 ? '1 task' : `${count} tasks`;
}

function hours({ age_hours: count }: Pick<AgeFacts, 'age_hours'>): string {
  return count === 1 ? '1 hour' : `${count} hours`;
}

/** To the minute, in UTC: readers sit in several time zones. */
function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function cut(text: string): string {
  const characters = Array.from(text);
  return characters.length <= titleLength ? text : `${characters.slice(0, titleLength - 1).join('')}…`;
}
