/**
 * What a session leaves behind: the bytes of its history by kind of event, for the ten answers of business_unit_setup given at a
 * person's pace (time runs ten times as fast here: an answer every 0.6 s, copies after 3 s in place of 30).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import proto, { type temporal as protocol } from '@temporalio/proto';
import type { Payload } from '@temporalio/common';
import type { ToldCopies } from '../domain/session-copy.ts';
import { createSealer, readCodecKeys, type Sealer } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { openPayload, payloadsIn } from '../engine/payload-codec.ts';
import { developmentCodecKeys } from '../scripts/embedded/secrets.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import type { InstanceAddress } from '../test/support/instance.ts';
import { exampleOf, person, type WireQuestion } from '../test/support/person.ts';
import { tenant } from './answering.ts';
import { startHost } from './host-process.ts';
import type { Context, Outcome } from './part.ts';
import { numberText } from './table.ts';

const { EventType } = proto.temporal.api.enums.v1;
const { HistoryEvent } = proto.temporal.api.history.v1;
const pauseMs = 600;
const flushSeconds = 3;
const most = 35 * 1_024;

interface Kind { events: number; bytes: number; carried: number; opened: number }
/** Bytes of a flush's input as JSON: all of it, and what of it is new: events, checkpoints, answers, a proposal, a decision. */
interface Flush { readonly input: number; readonly fresh: number }

export async function run({ folder, say }: Context): Promise<Outcome> {
  const host = await startHost(folder, { GANGWAY_FLUSH_SECONDS: String(flushSeconds) });
  const sealer = createSealer(readCodecKeys(await developmentCodecKeys(folder)));
  const { client, connection } = await connectEngine({ address: host.temporalAddress, namespace: 'default', sealer });
  try {
    say('answering ...');
    const { id, answers } = await answerAll({ url: host.url, folder, pid: host.pids['service'] ?? 0 });
    await sleep((flushSeconds + 2) * 1_000);
    const { events } = await client.workflow.getHandle(sessionWorkflowId(tenant, id)).fetchHistory();
    return outcome(answers, accountOf(events ?? [], sealer));
  } finally {
    await connection.close();
    await host.stop();
  }
}

interface Asked { readonly session_id: string; readonly question: WireQuestion | null }

async function answerAll(instance: InstanceAddress): Promise<{ readonly id: string; readonly answers: number }> {
  const visitor = await person(instance, tenant, 'visitor', 'user');
  let session = await visitor.start() as Asked;
  let answers = 0;
  for (; session.question !== null; answers += 1) {
    await sleep(pauseMs);
    const reply = await visitor.answer(session.session_id, session.question.id, valueFor(session.question));
    if (reply.status !== 200) throw new Error(`An answer was not accepted: ${reply.status} ${JSON.stringify(reply.body)}`);
    session = reply.body as Asked;
  }
  return { id: session.session_id, answers };
}

/** Every question is asked: security is high, and so is whatever follows from it. */
const valueFor = (question: WireQuestion): unknown => (question.id === 'security_level' ? 'high' : exampleOf(question));

function accountOf(
  events: readonly protocol.api.history.v1.IHistoryEvent[], sealer: Sealer,
): { kinds: Map<string, Kind>; flushes: Flush[] } {
  const kinds = new Map<string, Kind>();
  const flushes: Flush[] = [];
  for (const event of events) {
    const name = nameOf(event);
    const kind = kinds.get(name) ?? { events: 0, bytes: 0, carried: 0, opened: 0 };
    kind.events += 1;
    kind.bytes += HistoryEvent.encode(event).finish().length;
    for (const payload of payloadsIn(event) as Iterable<Payload>) {
      kind.carried += payload.data?.length ?? 0;
      kind.opened += openPayload(sealer, payload).data?.length ?? 0;
    }
    kinds.set(name, kind);
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name === 'flushSession') flushes.push(flushOf(openPayload(sealer, scheduled.input?.payloads?.[0] ?? {})));
  }
  return { kinds, flushes };
}

function nameOf(event: protocol.api.history.v1.IHistoryEvent): string {
  const { activityTaskScheduledEventAttributes: task, workflowExecutionUpdateAcceptedEventAttributes: update } = event;
  const of = task?.activityType?.name ?? update?.acceptedRequest?.input?.name ?? '';
  return [EventType[event.eventType ?? 0]?.replace('EVENT_TYPE_', '').toLowerCase() ?? '?', of].filter(Boolean).join(' ');
}

function flushOf({ data }: Payload): Flush {
  const bytes = Buffer.from(data ?? []);
  const told = JSON.parse(bytes.toString()) as ToldCopies;
  const { events, checkpoints } = told;
  const { answers, members: { proposal, decision } } = 'changes' in told ? told.changes
    : { answers: { added: told.state.answers }, members: told.state };
  return { input: bytes.length, fresh: JSON.stringify({ events, checkpoints, answers: answers?.added, proposal, decision }).length };
}

function outcome(answers: number, { kinds, flushes }: ReturnType<typeof accountOf>): Outcome {
  const rows = [...kinds].sort(([, a], [, b]) => b.bytes - a.bytes);
  const sum = (of: keyof Kind): number => rows.reduce((all, [, kind]) => all + kind[of], 0);
  const kb = (bytes: number): string => numberText(bytes / 1_024);
  return {
    title: `What ${answers} answers leave in the history`,
    notes: ['Events as protobuf, in KB. Carried: their payloads sealed; opened: as JSON.'],
    tables: [{
      head: ['', 'events', 'KB', 'carried', 'opened'],
      rows: [...rows, ['all', { events: sum('events'), bytes: sum('bytes'), carried: sum('carried'), opened: sum('opened') }] as const]
        .map(([name, kind]) => [name, String(kind.events), kb(kind.bytes), kb(kind.carried), kb(kind.opened)]),
    }, {
      head: ['flush', 'input, bytes', 'new, bytes'],
      rows: flushes.map(({ input, fresh }, at) => [String(at + 1), String(input), String(fresh)]),
    }],
    figures: [
      { name: `history of ${answers} answers, KB`, value: sum('bytes') / 1_024, unit: '', goal: { atMost: most / 1_024 } },
      {
        name: 'input of a flush less 1 KB / what is new, without the first, which is whole', unit: '', goal: { atMost: 3 },
        value: Math.max(...flushes.slice(1).map(({ input, fresh }) => (input - 1_024) / fresh)),
      },
    ],
    details: { kinds: Object.fromEntries(rows), flushes },
  };
}
