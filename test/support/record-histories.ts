/**
 * Records the histories of sessions of every kind into test/histories/, for the replay test. Until version 1.0 they may be
 * recorded anew when the workflow changes: sh scripts/run test/support/record-histories.ts
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { optionsOrEnd } from '../../scripts/arguments.ts';
import { createSealer, readCodecKeys } from '../../encryption/sealer.ts';
import { openPayload, payloadsIn } from '../../engine/payload-codec.ts';
import { connectEngine } from '../../engine/connection.ts';
import { testCodecKeys } from './codec-keys.ts';
import { uploadWorkflow } from '../../workflows/upload-messages.ts';
import type { SessionLimits } from '../../workflows/messages.ts';
import { retryTask } from '../../workflows/task-messages.ts';
import { says, startFakeModel, status } from './fake-model.ts';
import { newFolder, root } from './folders.ts';
import { discard, startInstance } from './instance.ts';
import { leftSession } from './left-session.ts';
import { cast, proposed, type Body } from './person.ts';
import { jpeg } from './files/pictures.ts';
import { judged, photo, sendFile } from './sending.ts';
import { until } from './until.ts';

const target = join(root, 'test', 'histories');

const { only } = optionsOrEnd(
  'Usage: npm run record-histories [-- --only NAME]\n  --only  one of them; the others stay as they are', { only: { type: 'string' } },
);
const model = await startFakeModel();
const working = says({ proposals: [] });
const instance = await startInstance(await newFolder(), {
  GANGWAY_UPDATES_PER_RUN: '6', GANGWAY_CODEC_KEYS: testCodecKeys, OPENAI_BASE_URL: model.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test',
});
const sealer = createSealer(readCodecKeys(testCodecKeys));
const { urls } = await instance.runFile();
const { client, connection } = await connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer });

interface Played { readonly tenant: string; readonly id: string; readonly workflowId?: string }

/** A session whose proposal was parked and retried; for the task itself its own history. */
async function retried(of: 'session' | 'task'): Promise<Played> {
  model.play(status(401));
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.answerAll(await ana.start());
  let workflowId = '';
  await until('the task is listed', async () => {
    for await (const each of client.workflow.list({ query: `GwSession = '${id}' AND GwState = 'parked'` })) workflowId = each.workflowId;
    return workflowId !== '';
  });
  model.play(working);
  await client.workflow.getHandle(workflowId).executeUpdate(retryTask, { args: [{ actor: 'dee', reason: 'the model is back' }] });
  await ana.inState(id, 'awaiting_approval');
  return { tenant, id, ...(of === 'task' ? { workflowId } : {}) };
}

/** A session whose level of risk has risen while nobody was there. */
async function left(limits: Partial<SessionLimits> = {}): Promise<Played> {
  const { id, handle, owner: { tenant } } = await leftSession(client, 298_000, limits);
  await until('its copies are written', async () => {
    const { events } = await handle.fetchHistory();
    return (events ?? []).filter((each) => each.activityTaskCompletedEventAttributes != null).length === 2;
  });
  return { tenant, id };
}

/** A survey whose photo is deleted after it was answered with, and sent anew; or the history of looking into that photo. */
async function uploaded(of: 'session' | 'upload'): Promise<Played> {
  const { ana, tenant } = await cast(instance);
  const session = await ana.start({ flow: 'site_survey' });
  const id: string = session.session_id;
  const send = async (width: number): Promise<string> => {
    const { upload_id: upload } = (await sendFile(ana, id, photo(await jpeg({ width, height: 80 })))).body;
    await judged(ana, id, upload);
    return upload;
  };
  const first = await send(120);
  await ana.answerAll(session, { entrance_photo: first, weak_spot_photo: null, site_plan: null });
  await ana.inState(id, 'awaiting_approval');
  await ana.call('DELETE', `/sessions/${id}/uploads/${first}/`);
  const second = await send(121);
  await ana.gives(id, 'entrance_photo', second);
  await ana.inState(id, 'awaiting_approval');
  if (of === 'session') return { tenant, id };
  let workflowId = '';
  await until('both were looked into', async () => {
    for await (const each of client.workflow.list({ query: `WorkflowType = '${uploadWorkflow}' AND GwSession = '${id}'` })) {
      workflowId = each.workflowId;
    }
    return workflowId !== '';
  });
  return { tenant, id, workflowId };
}

/** Each plays one session and returns its id; `until` waits there for the workflow to settle. */
const scenarios: Readonly<Record<string, () => Promise<Played>>> = {
  completed: async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session, items } = await proposed(ana, ben, { security_level: 'high' });
    await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
    return { tenant, id: session.session_id };
  },
  rejected: async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session, items } = await proposed(ana, ben);
    await ben.post(`/sessions/${session.session_id}/decision/`, { rejected_items: items, dry_run: false });
    return { tenant, id: session.session_id };
  },
  cancelled: async () => {
    const { ana, tenant } = await cast(instance);
    const session = await ana.start();
    await ana.answer(session.session_id, 'setup_urgency', 'castle');
    await ana.post(`/sessions/${session.session_id}/answers/`, { text: 'immediately' });
    await ana.post(`/sessions/${session.session_id}/cancel/`, { reason: 'enough' });
    return { tenant, id: session.session_id };
  },
  amended: async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session } = await proposed(ana, ben, { security_level: 'high' });
    for (const level of ['basic', 'high', 'basic']) await ana.answer(session.session_id, 'security_level', level);
    await Promise.all(Array.from({ length: 8 }, (_, at) => ana.answer(session.session_id, 'expected_users', 10 + at)));
    await ana.inState(session.session_id, 'awaiting_approval');
    return { tenant, id: session.session_id };
  },
  words: async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    const say = (text: string): Promise<unknown> => ana.post(`/sessions/${id}/answers/`, { text });
    await say('what does planned mean?');
    await say("I don't know");
    model.play(says({ value: 'planned', confidence: 0.9 }));
    await say('when the monsoon is over');
    await say('yes');
    await say('an office');
    await say('Lotus Store');
    await say('not more than 40');
    await say('24');
    await say('no, 30');
    await say('blue');
    return { tenant, id };
  },
  parked: () => retried('session'),
  task: () => retried('task'),
  superseded: async () => {
    model.play(status(401));
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.answerAll(await ana.start());
    await until('it is parked', async () => (await ana.get(`/sessions/${id}/`)).body.notice !== null);
    model.play(working);
    await ana.gives(id, 'expected_users', 77);
    await ana.inState(id, 'awaiting_approval');
    return { tenant, id };
  },
  left: () => left({ aloneAfterMs: 30_000 }),
  // sessions from before there was that limit wait for their flush
  'left-before': () => left(),
  uploaded: () => uploaded('session'),
  upload: () => uploaded('upload'),
};

const played = Object.entries(scenarios).filter(([name]) => only === undefined || name === only);
await mkdir(target, { recursive: true });
const recorded = await readdir(target);
for (const [name, play] of played) {
  model.play(working);
  const { tenant, id, workflowId = `session:${tenant}:${id}` } = await play();
  const runIds: string[] = [];
  await until('the runs are listed', async () => {
    runIds.length = 0;
    for await (const each of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) runIds.unshift(each.runId);
    return runIds.length > 0;
  });
  // a history that ends in the middle of a task cannot be replayed to its end
  await until('nothing is under way', async () => {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    // a run that has just begun waits a moment for its first task
    return (raw.pendingActivities?.length ?? 0) === 0 && raw.pendingWorkflowTask == null
      && Number(raw.workflowExecutionInfo?.historyLength) > 3;
  });
  // those of other names were made by the code of another day, and stay
  const former = recorded.filter((file) => file.replace(/-\d+\.json$/, '') === name);
  await Promise.all(former.map((file) => rm(join(target, file))));
  for (const [at, runId] of runIds.entries()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    // kept readable, so that a change shows what it changes
    for (const payload of payloadsIn(history)) Object.assign(payload, openPayload(sealer, payload));
    // who ran it is this machine's business
    const anonymous = JSON.stringify(
      JSON.parse(historyToJSON(history)), (key, value: Body) => (key === 'identity' ? 'recorder' : value), 1,
    );
    await writeFile(join(target, `${name}-${at + 1}.json`), `${anonymous}\n`);
  }
  process.stdout.write(`${name}: ${runIds.length} runs\n`);
}
await connection.close();
await discard(instance);
await model.close();
