/**
 * The race between messages and the start of a new run: bursts on sessions that continue as new after a few messages, each
 * message sent twice at once and once more when several runs have gone by. What was acknowledged has to be there, once.
 */
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { developmentCodecKeys, developmentKey } from '../scripts/embedded/secrets.ts';
import { readConfiguration } from '../service/environment.ts';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { readAnswers } from '../workflows/messages.ts';
import { answersPath, openSession, tenant, type Session } from './answering.ts';
import { startHost } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Outcome } from './part.ts';
import { rounded } from './statistics.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';

const trials = 200;
const burst = 25;
/** In place of 25, so that a burst meets three starts of a run and its repeats more. */
const messagesPerRun = 8;
const trialsAtOnce = 4;
/** A message is sent again under its id until it is acknowledged, so often at most. */
const triesMax = 20;
const settings = { GANGWAY_UPDATES_PER_RUN: String(messagesPerRun) };

/** Sums over trials. `caught`: repeats that reached another run than the first and were known there by the map of seen ids. */
const zero = { messages: 0, sent: 0, again: 0, runs: 0, caught: 0, lost: 0, doubled: 0, unacknowledged: 0, changed: 0 };
type Counts = Readonly<typeof zero>;

export async function run({ folder, say }: Context): Promise<Outcome> {
  const data = join(folder, 'data');
  say('starting the servers and the service ...');
  const host = await startHost(data, settings);
  const http = new HttpClient(host.url);
  try {
    const sealer = createSealer(readCodecKeys(await developmentCodecKeys(data)));
    const { client, connection } = await connectEngine({
      address: host.temporalAddress, namespace: readConfiguration({}).TEMPORAL_NAMESPACE, sealer,
    });
    try {
      const key = await developmentKey(data);
      say(`${trials} bursts of ${burst} messages, ${trialsAtOnce} at once ...`);
      const began = performance.now();
      const counted: Counts[] = [];
      let left = trials;
      await Promise.all(Array.from({ length: trialsAtOnce }, async () => {
        while (left > 0) {
          left -= 1;
          counted.push(await trial(http, client, key));
        }
      }));
      return outcome(counted.reduce(sum, zero), (performance.now() - began) / 1_000);
    } finally {
      await connection.close();
    }
  } finally {
    http.close();
    await host.stop();
  }
}

async function trial(http: HttpClient, client: Client, key: Uint8Array): Promise<Counts> {
  const session = await openSession(http, key);
  await say(http, session, 'type', { question_id: 'business_unit_type', value: 'office' });
  await say(http, session, 'name', { question_id: 'business_unit_name', value: 'Depot' });
  const values = Array.from({ length: burst }, (_, at) => at * 37 + 1);
  const send = (value: number): Promise<Said> => say(http, session, `m${value}`, { question_id: 'expected_users', value });
  const replies = await Promise.all(values.flatMap((value) => [send(value), send(value)]));
  replies.push(...await Promise.all(values.map(send)));
  const read = await client.workflow.getHandle(sessionWorkflowId(tenant, session.id)).query(readAnswers, {
    tenant, subject: session.subject, roles: ['user'],
  });
  if ('rejected' in read) throw new Error(`The answers could not be read: ${read.rejected}`);
  const kept = read.found.answers.filter((entry) => entry.question_id === 'expected_users').map((entry) => entry.value);
  const { runs, caught } = await acceptedTwice(client, sessionWorkflowId(tenant, session.id));
  const acknowledged = new Set(replies.filter(({ ok }) => ok).map(({ value }) => value));
  return {
    messages: burst, sent: replies.length, again: replies.reduce((all, { tries }) => all + tries - 1, 0), runs, caught,
    lost: [...acknowledged].filter((value) => !kept.includes(value)).length, doubled: kept.length - new Set(kept).size,
    unacknowledged: replies.filter(({ ok }) => !ok).length, changed: replies.filter(({ ok, same }) => ok && !same).length,
  };
}

/** `same`: the reply is about the value that was sent, also when it is a repeat. */
interface Said { readonly value: string | number; readonly ok: boolean; readonly same: boolean; readonly tries: number }

async function say(
  http: HttpClient, session: Session, id: string, content: { readonly question_id: string; readonly value: string | number },
): Promise<Said> {
  for (let tries = 1; ; tries += 1) {
    const { status, body } = await http.post(
      answersPath(session), { authorization: `Bearer ${session.token}` }, { ...content, message_id: id },
    );
    const accepted = (body as { accepted?: { value: unknown }[] }).accepted?.[0]?.value;
    if (status === 200 || tries === triesMax) return { value: content.value, ok: status === 200, same: accepted === content.value, tries };
    if (status !== 503) throw new Error(`A message was refused: ${status} ${JSON.stringify(body)}`);
  }
}

/** How many runs there are, and how often an Update id was accepted in more runs than one. */
async function acceptedTwice(client: Client, id: string): Promise<{ runs: number; caught: number }> {
  const current = await client.workflow.getHandle(id).fetchHistory();
  let runId = current.events?.[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId ?? '';
  const accepted: string[] = [];
  let runs = 0;
  while (runId !== '') {
    const { events } = await client.workflow.getHandle(id, runId).fetchHistory();
    runs += 1;
    for (const event of events ?? []) {
      const update = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.meta?.updateId;
      if (update != null) accepted.push(update);
    }
    runId = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? '';
  }
  return { runs, caught: accepted.length - new Set(accepted).size };
}

function sum(one: Counts, other: Counts): Counts {
  return Object.fromEntries(Object.entries(one).map(([name, count]) => [name, count + other[name as keyof Counts]])) as unknown as Counts;
}

function outcome(all: Counts, seconds: number): Outcome {
  return {
    title: 'Messages that meet the start of a new run',
    notes: [
      `Bursts of ${burst} messages through the API on sessions that continue as new after ${messagesPerRun} messages, ${trialsAtOnce} ` +
      `bursts at once; each message`,
      'twice at the same moment and once more after the burst, always under its id. The histories of all runs say how often a repeat',
      'came to another run than the first and was known there by the map of seen ids; repeats within a run the engine answers by itself.',
    ],
    tables: [{
      head: ['', 'count'],
      rows: [
        ['trials', String(trials)], ['messages', String(all.messages)], ['sendings, repeats included', String(all.sent)],
        ['sent again after 503', String(all.again)], ['runs', String(all.runs)],
      ],
    }],
    figures: [
      { name: 'duplicates caught by the map', value: all.caught, unit: '', goal: null },
      { name: 'acknowledged and lost', value: all.lost, unit: '', goal: { atMost: 0 } },
      { name: 'taken twice', value: all.doubled, unit: '', goal: { atMost: 0 } },
      { name: 'never acknowledged', value: all.unacknowledged, unit: '', goal: { atMost: 0 } },
      { name: 'repeats told another outcome', value: all.changed, unit: '', goal: { atMost: 0 } },
    ],
    details: {
      trials, burst, messages_per_run: messagesPerRun, trials_at_once: trialsAtOnce, trial_seconds: rounded(seconds, 0), counts: all,
    },
  };
}
