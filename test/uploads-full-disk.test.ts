/** A service whose disk for uploads fills up: 503, nothing half there, and what fits goes on. */
import { afterAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { newFolder } from './support/folders.ts';
import { databaseOf } from './support/instance-stores.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { newTenant } from './support/person.ts';
import { addressOf, create, offsetOf, patch, tus } from './support/resumable.ts';
import { isRoot, withDisk } from './support/small-disk.ts';
import { until } from './support/until.ts';
import { filesBelow, photo, photoOf, sender } from './support/uploading.ts';

const mb = 1_048_576;
let instance: Instance | undefined;
afterAll(() => discard(instance));

(isRoot ? test : test.skip)('a full disk is 503 at both doors, takes no quota and leaves nothing half there; what fits goes', async () => {
  await withDisk('size=3m', async (disk) => {
    instance = await startInstance(await newFolder(), { GANGWAY_UPLOADS: disk, GANGWAY_UPLOAD_PLACE_SECONDS: '1' });
    const ana = await sender(instance, newTenant(), 'ana', 'user');
    const session = (await ana.start()).session_id as string;
    const own = { ana, session };
    const db = await databaseOf(instance);
    const counting = async (): Promise<number> => (await db.asTenant(ana.tenant).query(
      "SELECT 1 FROM uploads WHERE status <> 'deleted'",
    )).length;
    const full = { status: 503, body: { code: 'store_unavailable' } };

    expect(await ana.send(session, await photoOf(4 * mb))).toMatchObject(full);
    expect([await counting(), await filesBelow(disk)]).toEqual([0, []]);

    const large = await photoOf(4 * mb);
    const at = addressOf(await create(own, large));
    expect(await patch(own, at, 0, large.content)).toMatchObject(full);
    // the parts that fitted count, and the sender may go on from there once there is room
    const offset = await offsetOf(own, at);
    expect([mb, 2 * mb]).toContain(offset);
    expect((await filesBelow(disk)).length).toBe(offset / mb);
    expect(await filesBelow(join(disk, 'incoming'))).toEqual([]);
    expect((await ana.raw(at, 'DELETE', tus)).status).toBe(204);
    expect([await counting(), await filesBelow(disk)]).toEqual([0, []]);
    await db.close();

    const sent = await ana.send(session, await photo());
    expect([sent.status, sent.body.quota.photos.used]).toEqual([201, 1]);
    await until('it is clean', async () => (
      (await ana.get(`/sessions/${session}/uploads/${sent.body.upload_id}/`)).body.status === 'clean'
    ));
    await instance.stop();
  });
});
