import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { workflowBundle } from '../service/workflow-bundle.ts';
import { root } from './support/folders.ts';

const folder = join(root, 'test', 'histories');
const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
const load = async (name: string) => historyFromJSON(JSON.parse(await readFile(join(folder, name), 'utf8')));

describe('recorded histories', () => {
  test('there are some of every kind, with sessions that went on as new runs', () => {
    expect(names).toEqual(expect.arrayContaining([
      'completed-1.json', 'rejected-1.json', 'cancelled-1.json', 'amended-1.json', 'amended-2.json', 'parked-1.json', 'superseded-1.json',
      'left-1.json', 'left-before-1.json',
      'task-1.json', 'uploaded-1.json', 'uploaded-2.json', 'upload-1.json',
    ]));
  });

  test.each(names)('%s replays on the workflow code of today', async (name) => {
    await Worker.runReplayHistory({ workflowBundle: { codePath: await workflowBundle() } }, await load(name), name);
  });

  test('a history that the code could not have made is told', async () => {
    const changed = await load('completed-1.json');
    const scheduled = changed.events?.find(
      (event) => event.activityTaskScheduledEventAttributes != null,
    )?.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType == null) throw new Error('The history schedules no activity.');
    scheduled.activityType.name = 'somethingElse';
    await expect(Worker.runReplayHistory({ workflowBundle: { codePath: await workflowBundle() } }, changed, 'changed')).rejects.toThrow(
      /nondeterminism|TMPRL1100|does not handle/i,
    );
  });
});
