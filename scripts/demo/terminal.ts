/** What the demo writes: a bar that moves where a person watches, plain lines elsewhere, and the result. */
import { stages } from '../../domain/lifecycle.ts';
import { outcomes, type Outcome } from './plan.ts';
import type { StageCounts, Tally } from './tally.ts';

const barWidth = 30;
/** Plain lines of progress in all. */
const plainLines = 10;

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Call the result once for every session that is done. */
export function progressOf(sessions: number): { readonly done: () => void; readonly end: () => void } {
  let count = 0;
  const every = Math.max(1, Math.ceil(sessions / plainLines));
  const draw = (): void => { process.stdout.write(`\r  ${bar(count, sessions, barWidth, '·')} ${count} of ${sessions}`); };
  if (process.stdout.isTTY) draw();
  return {
    done: () => {
      count += 1;
      if (process.stdout.isTTY) draw();
      else if (count % every === 0 || count === sessions) say(`  ${count} of ${sessions} sessions`);
    },
    end: () => { if (process.stdout.isTTY) say(); },
  };
}

const meanings: Readonly<Record<Outcome, string>> = {
  completed: 'approved as proposed and applied', modified: 'approved with a change and applied', rejected: 'turned down by the approver',
  waiting: 'wait for a decision', stalled: 'stopped in the middle, still open', cancelled: 'given up by the person',
  escalated: 'handed to a person',
};

export function sayTally({ byOutcome, doings, sessions }: Tally): void {
  say('\nWhat people did\n');
  for (const outcome of outcomes) say(`  ${outcome.padEnd(12)}${String(byOutcome[outcome]).padStart(5)}  ${meanings[outcome]}`);
  say(`  ${'sessions'.padEnd(12)}${String(sessions).padStart(5)}`);
  const { answers, inWords, refused, amended, devices, ledBack, files } = doings;
  say(
    `\n  ${answers} answers, ${inWords} of them in words; ${refused} refused, ${amended} corrected; ${devices - sessions} times on ` +
    `another device; ${ledBack} left, were reminded and came back by the link of the reminder; ${files} photos were sent`,
  );
}

/** `elsewhere`: those who left, and are in no report of this one. */
export function sayElsewhere(elsewhere: number): void {
  if (elsewhere === 0) return;
  say(
    `\n  The ${elsewhere} who left were at a Gangway of the demo's own, whose reminders come after 2 s of silence (24 h is usual). It is ` +
    'gone by now, and the reports below are without them.',
  );
}

export function sayFunnel(tenant: string, counts: StageCounts): void {
  say(`\nThe funnel of ${tenant}, last 7 days\n`);
  const nameWidth = Math.max(...stages.map((stage) => stage.length)) + 2;
  for (const stage of stages) {
    const share = counts.started === 0 ? 0 : counts[stage] / counts.started;
    const numbers = `${String(counts[stage]).padStart(5)} ${`${(share * 100).toFixed(1)} %`.padStart(8)}`;
    say(`  ${stage.padEnd(nameWidth)}${bar(counts[stage], counts.started, barWidth, ' ')} ${numbers}`);
  }
}

function bar(part: number, whole: number, width: number, rest: string): string {
  const filled = whole === 0 ? 0 : Math.min(width, Math.round((part / whole) * width));
  return '█'.repeat(filled) + rest.repeat(width - filled);
}
