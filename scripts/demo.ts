/** npm run demo: people who onboard, over HTTP, against the Gangway that runs; then what they did and the funnel of it. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { stages } from '../domain/lifecycle.ts';
import type { Role } from '../domain/message.ts';
import { ConfigurationError } from '../domain/configuration-error.ts';
import type { Configuration } from '../service/configuration.ts';
import { readConfiguration } from '../service/environment.ts';
import { isTenantName } from '../stores/postgres/database.ts';
import { endWithUsage, optionsOf, UsageError } from './arguments.ts';
import { base, Client, expected } from './demo/client.ts';
import { pastDaysMax, pastOf } from './demo/history.ts';
import { plan, type Visit } from './demo/plan.ts';
import { seedMax } from './demo/random.ts';
import { runningOn, type Running } from './demo/running.ts';
import { isIn, tallyOf, type StageCounts, type Tally } from './demo/tally.ts';
import { startReminding, type Reminding } from './demo/reminding.ts';
import { progressOf, say, sayElsewhere, sayFunnel, sayTally } from './demo/terminal.ts';
import { play, type Cast, type Played } from './demo/visit.ts';
import { developmentToken } from './development-token.ts';
import { PlainError } from './embedded/plain-error.ts';
import { tokenCommand } from './up/command.ts';
import { onInterruption } from './up/interruption.ts';

const usage = `Usage: npm run demo -- [--sessions N] [--history 60d] [--seed S] [--tenant TENANT]
  --sessions  how many people come (default 40, at most 10000)
  --history   fills so many days before today with people who came then, so that reports have something to compare with (1d to
              ${pastDaysMax}d); nobody comes today unless --sessions is given
  --seed      the same seed gives the same people (0 to ${seedMax}; default: any)
  --tenant    where they belong (default demo)

Some leave, are reminded and come back by the link of the reminder. For them the demo starts a Gangway of its own, whose
reminders come after seconds, and stops it at the end; they are in no report of the one that runs.`;

const sessionsMax = 10_000;
const atOnce = 6;
const tokenSeconds = 12 * 3_600;
/** Longest wait for the funnel to have everything. */
const funnelMs = 20_000;

interface Options { readonly sessions: number; readonly historyDays: number; readonly seed: number; readonly tenant: string }

function readOptions(argv: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const values = optionsOf(argv, { sessions: text, history: text, seed: text, tenant: text });
  const tenant = values.tenant ?? 'demo';
  if (!isTenantName(tenant)) throw new UsageError('--tenant must be 1-128 printable characters.');
  return {
    tenant, sessions: values.sessions === undefined && values.history !== undefined
      ? 0 : whole('--sessions', values.sessions ?? '40', 1, sessionsMax),
    historyDays: values.history === undefined ? 0 : whole('--history', values.history.replace(/d$/, ''), 1, pastDaysMax),
    seed: whole('--seed', values.seed ?? String(randomInt(seedMax)), 0, seedMax),
  };
}

function whole(name: string, text: string, min: number, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max)) throw new UsageError(`${name} must be a whole number from ${min} to ${max}, not "${text}".`);
  return number;
}

/** Tokens of people, made when they are needed. Names carry the run, so that a second one finds nobody's session open. */
function peopleOf(running: Running, configuration: Configuration, tenant: string, stop: AbortSignal) {
  const run = Date.now().toString(36);
  return async (sub: string, ...roles: Role[]): Promise<Client> => {
    const token = await developmentToken({ tenant, sub: `${sub}-${run}`, roles, ttlSeconds: tokenSeconds }, running.key, configuration);
    return new Client(running.url, token, stop);
  };
}

/** Plays all visits, some at a time. Ends early when stopped, or at the first visit that fails. */
async function playAll(
  all: readonly Visit[], castOf: (visit: Visit) => Promise<Cast>, stop: AbortSignal,
): Promise<{ played: Played[]; failure: unknown }> {
  const visits = all.values();
  const played: Played[] = [];
  const progress = progressOf(all.length);
  let failure: unknown = null;
  const playNext = async (): Promise<void> => {
    for (const visit of visits) {
      if (stop.aborted || failure !== null) return;
      try {
        played.push(await play(visit, await castOf(visit)));
        progress.done();
      } catch (error) {
        if (!stop.aborted) failure ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, playNext));
  progress.end();
  return { played, failure };
}

const Funnel = z.object({ stages: z.array(z.object({ name: z.enum(stages), count: z.number() })) });

async function funnelOf(analyst: Client): Promise<StageCounts> {
  const report = Funnel.parse(await expected(analyst.get('/analytics/funnel/?fresh=true'), 'read the funnel'));
  return Object.fromEntries(report.stages.map(({ name, count }) => [name, count])) as Record<(typeof stages)[number], number>;
}

/** The funnel once it has all that was played, or what it has when that takes too long or nobody waits any more. */
async function settledFunnel(analyst: Client, before: StageCounts, tally: Tally, stop: AbortSignal): Promise<StageCounts> {
  const deadline = performance.now() + funnelMs;
  let counts = await funnelOf(analyst);
  while (!isIn(counts, before, tally) && !stop.aborted && performance.now() < deadline) {
    await pause(250);
    counts = await funnelOf(analyst);
  }
  return counts;
}

const Imported = z.object({ imported: z.number(), duplicates: z.number(), rejected_count: z.number() });
const linesAtOnce = 2_000;

/** Imports the past up to today's midnight. The same seed on the same day adds nothing. */
async function fillPast(admin: Client, { historyDays: days, seed, tenant }: Options): Promise<void> {
  const until = Math.floor(Date.now() / 86_400_000) * 86_400_000;
  const sum = { imported: 0, duplicates: 0, rejected_count: 0 };
  let lines: string[] = [];
  const send = async (): Promise<void> => {
    const taken = Imported.parse(await expected(admin.importing(lines.join('\n')), 'import the past'));
    for (const name of ['imported', 'duplicates', 'rejected_count'] as const) sum[name] += taken[name];
    lines = [];
  };
  for (const line of pastOf({ seed, days, until })) {
    if (lines.push(JSON.stringify(line)) >= linesAtOnce) await send();
  }
  if (lines.length > 0) await send();
  say(`The last ${days} days of ${tenant}: ${sum.imported} events of the past (seed ${seed}), ${sum.duplicates} were there already.`);
}

function sayLinks({ url, temporalUiUrl }: Running, configuration: Configuration, tenant: string): void {
  const { TEMPORAL_NAMESPACE } = configuration;
  const filter = `GwTenant = "${tenant}"`;
  const command = tokenCommand(configuration, `--tenant ${tenant} --sub ana --roles analyst`);
  say(`\n  Report     ${url}${base}/analytics/funnel/ (a token for it: ${command})`);
  if (temporalUiUrl !== null) {
    say(`  Sessions   ${temporalUiUrl}/namespaces/${TEMPORAL_NAMESPACE}/workflows?query=${encodeURIComponent(filter)}`);
  }
  say(`  Filter     ${filter} (Temporal Web UI)`);
}

interface People { readonly castOf: (number: number) => Cast; readonly analyst: Client }

/** Who plays at a Gangway. */
async function peopleAt(running: Running, configuration: Configuration, tenant: string, stop: AbortSignal): Promise<People> {
  const person = peopleOf(running, configuration, tenant, stop);
  const approvers = [
    await person('approver-1', 'approver'), await person('approver-2', 'approver'), await person('approver-3', 'approver'),
  ] as const;
  return {
    castOf: (number) => {
      const pairs = [[approvers[0], approvers[1]], [approvers[1], approvers[2]], [approvers[2], approvers[0]]] as const;
      return { visitor: (who) => person(`visitor-${who}`, 'user'), approvers: pairs[number % 3] ?? pairs[0], reminderOf: null, stop };
    },
    // the report is read also after a stop
    analyst: await peopleOf(running, configuration, tenant, new AbortController().signal)('analyst', 'analyst'),
  };
}

/** Of those who leave; started at once, and waited for only by them. */
function castOfLeaving(reminding: Promise<Reminding>, configuration: Configuration, tenant: string, stop: AbortSignal) {
  const people = reminding.then(({ running }) => peopleAt(running, configuration, tenant, stop));
  // told by those who wait for it
  people.catch(() => undefined);
  return async (number: number): Promise<Cast> => {
    const own = await reminding;
    return { ...(await people).castOf(number), reminderOf: (sessionId) => own.reminderOf(sessionId, stop) };
  };
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const configuration = readConfiguration(process.env);
  const running = await runningOn(configuration);
  const { signal: stop } = onInterruption(() => { say('\nStopping …'); }, () => { process.exit(130); });
  const { castOf, analyst } = await peopleAt(running, configuration, options.tenant, stop);
  if (options.historyDays > 0) {
    await fillPast(await peopleOf(running, configuration, options.tenant, stop)('admin', 'admin'), options);
  }
  if (options.sessions === 0) {
    sayFunnel(options.tenant, await funnelOf(analyst));
    sayLinks(running, configuration, options.tenant);
    return;
  }
  const before = await funnelOf(analyst);
  say(`${options.sessions} people come to ${options.tenant} (seed ${options.seed}).`);
  const visits = plan(options.seed, options.sessions);
  const reminding = visits.some(leaves) ? startReminding(stop) : null;
  reminding?.catch(() => undefined);
  const leaving = reminding === null ? null : castOfLeaving(reminding, configuration, options.tenant, stop);
  try {
    const { played, failure } = await playAll(visits, async (visit) => (
      leaves(visit) && leaving !== null ? leaving(visit.number) : castOf(visit.number)
    ), stop);
    const here = tallyOf(played.filter(({ visit }) => !leaves(visit)));
    sayTally(tallyOf(played));
    if (stop.aborted) say(`\n  Stopped: ${options.sessions - played.length} of ${options.sessions} people did not come to an end.`);
    sayElsewhere(played.length - here.sessions);
    sayFunnel(options.tenant, await settledFunnel(analyst, before, here, stop));
    sayLinks(running, configuration, options.tenant);
    if (failure !== null) throw failure;
  } finally {
    await reminding?.then((started) => started.stop(), () => undefined);
  }
  process.exitCode = stop.aborted ? 130 : 0;
}

function leaves({ leavesAfter }: Visit): boolean {
  return leavesAfter !== null;
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) endWithUsage(error, usage);
  process.exitCode = 1;
  const plain = error instanceof PlainError || error instanceof ConfigurationError;
  process.stderr.write(
    `${plain ? error.message : `The demo could not go on: ${error instanceof Error ? error.message : String(error)}`}\n`,
  );
}
