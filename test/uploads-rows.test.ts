/** The rows of uploads against a simple model: whatever comes in whatever order, and however it ends. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { UploadKind, UploadLayer, UploadLimits } from '../domain/upload.ts';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import {
  addParts, deleteUpload, findUpload, forgetFiles, leaveWriting, leftUploads, listUploads, markClean, markRejected, releaseUpload,
  renewPlaces, reserveUpload, settledUse, settleUpload, takePlace, type NewUpload, type Reserved,
} from '../stores/postgres/uploads.ts';
import { storesOf } from './support/instance-stores.ts';
import { newTenant } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const limits: UploadLimits = {
  fileBytes: 1_000, voiceBytes: 500, pixels: 1, sessionPhotos: 5, sessionDocuments: 3, sessionBytes: 4_000, concurrent: 3,
};
const times = { placeMs: 600_000, reservationMs: 600_000, resumableMs: 600_000 };
const hours = { ...times, placeMs: 3_600_000 };
let db: Database;

beforeAll(async () => {
  const { databaseUrl } = await storesOf(await sharedInstance(), '');
  db = openDatabase({ url: databaseUrl, timeoutMs: 120_000, connections: 10 });
});
afterAll(() => db.close());

async function newSession(tenant: string, owner: string, endedAt: Date | null = null): Promise<string> {
  const id = randomUUID();
  await db.asTenant(tenant).query(
    `INSERT INTO sessions (session_id, tenant, owner, flow_id, flow_version, language, segment, state, ended_at, claim_token,
       claim_expires_at, confirmed)
     VALUES ($1, $2, $3, $4, 1, 'en', 'first_time', 'started', $5, gen_random_uuid(), now(), true)`,
    [id, tenant, owner, randomUUID(), endedAt],
  );
  return id;
}

interface Wish {
  readonly tenant: string;
  readonly owner: string;
  readonly session_id: string;
  readonly kind: UploadKind;
  readonly bytes: number;
}

function uploadOf(wish: Wish, more: Partial<NewUpload> = {}): NewUpload {
  return {
    ...wish, upload_id: randomUUID(), object_id: randomUUID(), writer: randomUUID(), sealed_name: Buffer.from('a'), family: null,
    resumable: false, sha256: null, ...more,
  };
}

const contentOf = (size: number, sha256 = randomBytes(32)) => ({
  size, sha256, family: 'jpeg', width: 1, height: 1, marks: [],
}) as const;

function layerOf(reserved: Reserved): UploadLayer | 'reserved' | Exclude<Reserved['kind'], 'refused' | 'reserved'> {
  return reserved.kind === 'refused' ? reserved.refusal.layer : reserved.kind;
}

/** The time of a reservation is over, as after a kill and a while. */
async function outlive(upload: NewUpload): Promise<void> {
  await db.asSystem().query(
    'UPDATE uploads SET active_until = now(), expires_at = now() WHERE tenant = $1 AND upload_id = $2', [upload.tenant, upload.upload_id],
  );
}

/** What one by one would be said, by lists alone. */
class Model {
  readonly uploads = new Map<string, { wish: Wish; bytes: number; status: 'receiving' | 'there' | 'over' }>();

  verdict({ session_id: session, owner, kind, bytes }: Wish): UploadLayer | 'reserved' {
    const alive = [...this.uploads.values()].filter(({ status }) => status !== 'over');
    const inSession = alive.filter(({ wish }) => wish.session_id === session);
    const count = (of: UploadKind): number => inSession.filter(({ wish }) => wish.kind === of).length;
    if (kind === 'photo' && count('photo') >= limits.sessionPhotos) return 'session_photo_limit';
    if (kind === 'document' && count('document') >= limits.sessionDocuments) return 'session_document_limit';
    if (inSession.reduce((sum, one) => sum + one.bytes, 0) + bytes > limits.sessionBytes) return 'session_size_limit';
    const active = alive.filter(({ status, wish }) => status === 'receiving' && wish.owner === owner).length;
    return active >= limits.concurrent ? 'concurrent_limit' : 'reserved';
  }
}

/** Whole numbers below another, the same for a seed. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff;
    return Math.floor((state / 0x80_00_00_00) * below);
  };
}

test('one after the other, each is answered as the model says, however those before it ended', async () => {
  const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
  const random = seeded(seed);
  const tenant = newTenant();
  const sessions = await Promise.all([['ana', 0], ['ana', 1], ['eve', 2]].map(async ([owner]) => ({
    owner: String(owner), session_id: await newSession(tenant, String(owner)),
  })));
  const model = new Model();
  const under: NewUpload[] = [];
  const there: NewUpload[] = [];
  for (let step = 0; step < 400; step += 1) {
    const what = random(10);
    const at = random(Math.max(1, under.length));
    const one = under[at];
    if (what < 5 || one === undefined) {
      const kind = (['photo', 'document', 'voice'] as const)[random(3)] ?? 'photo';
      const wish = { tenant, ...(sessions[random(3)] ?? sessions[0] ?? { owner: '', session_id: '' }), kind, bytes: 1 + random(900) };
      const upload = uploadOf(wish);
      const expected = model.verdict(wish);
      expect([seed, step, layerOf(await reserveUpload(db, upload, limits, times))]).toEqual([seed, step, expected]);
      if (expected === 'reserved') {
        under.push(upload);
        model.uploads.set(upload.upload_id, { wish, bytes: wish.bytes, status: 'receiving' });
      }
      continue;
    }
    under.splice(at, 1);
    const known = model.uploads.get(one.upload_id);
    if (known === undefined) throw new Error('The model has lost it.');
    if (what < 8) {
      // it is often smaller than was declared
      known.bytes = 1 + random(one.bytes);
      known.status = 'there';
      expect((await settleUpload(db, one, contentOf(known.bytes), limits)).kind).toBe('settled');
      there.push(one);
    } else {
      known.status = 'over';
      if (what === 8) await releaseUpload(db, one);
      else await outlive(one);
    }
    const gone = random(3) === 0 ? there.splice(random(Math.max(1, there.length)), 1)[0] : undefined;
    if (gone !== undefined) {
      const known = model.uploads.get(gone.upload_id);
      if (known !== undefined) known.status = 'over';
      expect(await (random(2) === 0 ? deleteUpload(db, gone) : markRejected(db, gone, 'infected'))).not.toBeNull();
    }
  }
  for (const session of sessions) {
    const listed = [...model.uploads.values()].filter(({ wish, status }) => wish.session_id === session.session_id && status === 'there');
    expect(await settledUse(db.asTenant(tenant), { tenant, ...session })).toMatchObject({
      photos: listed.filter(({ wish }) => wish.kind === 'photo').length, bytes: listed.reduce((sum, { bytes }) => sum + bytes, 0),
      documents: listed.filter(({ wish }) => wish.kind === 'document').length,
    });
  }
});

test('whatever is begun, settled, given back, deleted or left to die at once, nothing passes a limit, and nothing counts twice', async () => {
  const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
  const random = seeded(seed);
  const tenant = newTenant();
  const sessions = await Promise.all(['ana', 'ana', 'eve'].map(async (owner) => ({ owner, session_id: await newSession(tenant, owner) })));
  const under: NewUpload[] = [];
  const there: NewUpload[] = [];
  const taken = (from: NewUpload[]): NewUpload | undefined => from.splice(random(Math.max(1, from.length)), 1)[0];
  /** What is asked of the database while everything else is. */
  const one = async (): Promise<void> => {
    const what = random(10);
    if (what < 5) {
      const kind = (['photo', 'document', 'voice'] as const)[random(3)] ?? 'photo';
      const upload = uploadOf({ tenant, ...(sessions[random(3)] ?? { owner: '', session_id: '' }), kind, bytes: 1 + random(900) });
      if ((await reserveUpload(db, upload, limits, times)).kind === 'reserved') under.push(upload);
      return;
    }
    const [sent, held] = [what < 9 ? taken(under) : undefined, what === 9 ? taken(there) : undefined];
    if (sent !== undefined && what < 7) {
      expect((await settleUpload(db, sent, contentOf(1 + random(sent.bytes)), limits)).kind).toBe('settled');
      there.push(sent);
    } else if (sent !== undefined) await (what === 7 ? releaseUpload(db, sent) : outlive(sent));
    if (held !== undefined) await (random(2) === 0 ? deleteUpload(db, held) : markRejected(db, held, 'infected'));
  };
  for (let wave = 0; wave < 40; wave += 1) {
    await Promise.all(Array.from({ length: 12 }, one));
    const rows = await db.asTenant(tenant).query<{ owner: string; session_id: string; kind: string; status: string; bytes: number }>(
      `SELECT owner, session_id, kind, status, coalesce(size_bytes, declared_bytes)::int AS bytes FROM uploads
       WHERE tenant = $1 AND status IN ('receiving', 'quarantined') AND (status <> 'receiving' OR expires_at > now())`, [tenant],
    );
    for (const { session_id: session } of sessions) {
      const own = rows.filter((row) => row.session_id === session);
      const sum = (all: typeof rows): number => all.reduce((bytes, row) => bytes + row.bytes, 0);
      const [photos, documents, settled] = [
        own.filter(({ kind }) => kind === 'photo'), own.filter(({ kind }) => kind === 'document'),
        own.filter(({ status }) => status === 'quarantined'),
      ];
      expect([seed, wave, photos.length <= limits.sessionPhotos, documents.length <= limits.sessionDocuments,
        sum(own) <= limits.sessionBytes]).toEqual([seed, wave, true, true, true]);
      expect((await settledUse(db.asTenant(tenant), { tenant, session_id: session })).bytes).toBe(sum(settled));
    }
    for (const person of ['ana', 'eve']) {
      const active = rows.filter(({ owner, status }) => owner === person && status === 'receiving');
      expect([seed, wave, active.length <= limits.concurrent]).toEqual([seed, wave, true]);
    }
    expect([seed, wave, rows.filter(({ status }) => status === 'receiving').length]).toEqual([seed, wave, under.length]);
    expect([seed, wave, rows.filter(({ status }) => status === 'quarantined').length]).toEqual([seed, wave, there.length]);
  }
});

describe('50 at once never pass what one by one would refuse', () => {
  const all = async (owner: string, count: number, wish: Partial<Wish>, own: Partial<UploadLimits>) => {
    const tenant = newTenant();
    const sessionId = await newSession(tenant, owner);
    const uploads = Array.from({ length: count }, () => uploadOf({
      tenant, owner, session_id: sessionId, kind: 'photo', bytes: 10, ...wish,
    }));
    const replies = await Promise.all(uploads.map((upload) => reserveUpload(db, upload, { ...limits, ...own }, times)));
    return Object.fromEntries([...Map.groupBy(replies, layerOf)].map(([layer, members]) => [layer, members.length]));
  };

  test('of photos', async () => {
    expect(await all('ana', 50, {}, { concurrent: 100 })).toEqual({ reserved: 5, session_photo_limit: 45 });
  });
  test('of documents', async () => {
    expect(await all('ana', 50, { kind: 'document' }, { concurrent: 100 })).toEqual({ reserved: 3, session_document_limit: 47 });
  });
  test('of bytes', async () => {
    expect(await all('ana', 50, { kind: 'voice', bytes: 333 }, { concurrent: 100 })).toEqual({ reserved: 12, session_size_limit: 38 });
  });
  test('of uploads at once', async () => {
    expect(await all('ana', 50, { kind: 'voice' }, {})).toEqual({ reserved: 3, concurrent_limit: 47 });
  });

  test('over two sessions of one person, the places are the person\'s', async () => {
    const tenant = newTenant();
    const ids = await Promise.all([newSession(tenant, 'ana'), newSession(tenant, 'ana')]);
    const replies = await Promise.all(Array.from({ length: 50 }, (_, at) => reserveUpload(
      db, uploadOf({ tenant, owner: 'ana', session_id: ids[at % 2] ?? '', kind: 'voice', bytes: 1 }), limits, times,
    )));
    expect(replies.filter(({ kind }) => kind === 'reserved')).toHaveLength(3);
  });
});

describe('one upload', () => {
  const begun = async (more: Partial<NewUpload> = {}, wish: Partial<Wish> = {}) => {
    const tenant = newTenant();
    const session_id = await newSession(tenant, 'ana');
    const upload = uploadOf({ tenant, owner: 'ana', session_id, kind: 'photo', bytes: 100, ...wish }, more);
    expect(layerOf(await reserveUpload(db, upload, limits, times))).toBe('reserved');
    return upload;
  };
  const again = (upload: NewUpload, more: Partial<NewUpload> = {}) => reserveUpload(
    db, { ...upload, object_id: randomUUID(), writer: randomUUID(), ...more }, limits, times,
  );

  test('has one id: the same one again is the same upload, and another\'s says nothing of it', async () => {
    const upload = await begun();
    expect(layerOf(await again(upload))).toBe('busy');
    await settleUpload(db, upload, contentOf(50), limits);
    expect(await again(upload)).toMatchObject({ kind: 'known', upload: { upload_id: upload.upload_id, size_bytes: 50 } });
    expect(layerOf(await again(upload, { kind: 'document' }))).toBe('taken');
    const other = await newSession(upload.tenant, 'ana');
    expect(layerOf(await again(upload, { session_id: other }))).toBe('taken');
    const foreign = { owner: 'eve', session_id: await newSession(upload.tenant, 'eve') };
    expect(layerOf(await again(upload, foreign))).toBe('taken');
    expect(layerOf(await again(upload, { owner: 'eve' }))).toBe('not_owner');
    const elsewhere = newTenant();
    expect(layerOf(await again(upload, { tenant: elsewhere, session_id: await newSession(elsewhere, 'ana') }))).toBe('reserved');
  });

  test('may be sent anew under its id when its sender has died, when it was rejected, and when it was deleted', async () => {
    const upload = await begun();
    await outlive(upload);
    const second = await again(upload);
    expect(second).toMatchObject({ kind: 'reserved', replaced: { object_id: upload.object_id } });
    if (second.kind !== 'reserved') throw new Error('It was not.');
    // the former sender can do nothing any more
    expect((await settleUpload(db, upload, contentOf(1), limits)).kind).toBe('gone');
    await releaseUpload(db, upload);
    const mine = { ...upload, object_id: second.upload.object_id, writer: second.upload.writer ?? '' };
    expect((await settleUpload(db, mine, contentOf(2), limits)).kind).toBe('settled');
    await markRejected(db, mine, 'infected');
    expect(await markRejected(db, mine, 'again')).toMatchObject({ status: 'rejected', reason: 'infected' });
    const third = await again(upload);
    expect(third.kind).toBe('reserved');
    await deleteUpload(db, upload);
    expect(await deleteUpload(db, upload)).toBeNull();
    expect((await again(upload)).kind).toBe('reserved');
  });

  test('of a content that the session has is that first one, and takes nothing', async () => {
    const first = await begun();
    const content = contentOf(50);
    await settleUpload(db, first, content, limits);
    const second = uploadOf({ ...first, bytes: 100 });
    await reserveUpload(db, second, limits, times);
    expect(await settleUpload(db, second, content, limits)).toMatchObject({
      kind: 'same', upload: { upload_id: first.upload_id }, use: { photos: 1, bytes: 50 },
    });
    expect(await findUpload(db, second)).toMatchObject({ is_expired: true });
    await markRejected(db, first, 'infected');
    const third = uploadOf({ ...first, bytes: 100 });
    await reserveUpload(db, third, limits, times);
    expect((await settleUpload(db, third, content, limits)).kind).toBe('settled');
  });

  test('whose time was over settles only where there is still room', async () => {
    const upload = await begun({}, { kind: 'document' });
    await outlive(upload);
    for (let times_ = 0; times_ < 3; times_ += 1) {
      const other = uploadOf({ ...upload, bytes: 1 });
      expect(layerOf(await reserveUpload(db, other, limits, times))).toBe('reserved');
      await settleUpload(db, other, contentOf(1), limits);
    }
    expect(await settleUpload(db, upload, contentOf(1), limits)).toMatchObject({
      kind: 'refused', refusal: { layer: 'session_document_limit' },
    });
    expect(await findUpload(db, upload)).toMatchObject({ is_expired: true });
  });

  test('is larger than was declared only where there is room for that', async () => {
    const wide = { ...limits, fileBytes: 10_000 };
    const upload = await begun();
    expect(await settleUpload(db, upload, contentOf(4_001), wide)).toMatchObject({ kind: 'refused' });
  });

  test('is refused for a session that has ended, and for somebody else\'s', async () => {
    const tenant = newTenant();
    const ended = uploadOf({ tenant, owner: 'ana', session_id: await newSession(tenant, 'ana', new Date()), kind: 'photo', bytes: 1 });
    expect((await reserveUpload(db, ended, limits, times)).kind).toBe('session_ended');
    expect((await reserveUpload(db, { ...ended, session_id: randomUUID() }, limits, times)).kind).toBe('not_owner');
  });

  test('keeps its place while bytes come, loses it in a silence, and has to ask for it again', async () => {
    const upload = await begun();
    expect([...await renewPlaces(db, [upload], hours)]).toEqual([upload.writer]);
    await db.asSystem().query('UPDATE uploads SET active_until = now() WHERE upload_id = $1', [upload.upload_id]);
    expect([...await renewPlaces(db, [upload], hours)]).toEqual([]);
    const others = Array.from({ length: 3 }, () => uploadOf({ ...upload, kind: 'voice', bytes: 1 }));
    for (const other of others) expect(layerOf(await reserveUpload(db, other, limits, times))).toBe('reserved');
    expect(await takePlace(db, upload, limits, times)).toMatchObject({ kind: 'refused', refusal: { layer: 'concurrent_limit' } });
    if (others[0] !== undefined) await releaseUpload(db, others[0]);
    expect(await takePlace(db, upload, limits, times)).toMatchObject({ kind: 'taken' });
    expect([...await renewPlaces(db, [upload], hours)]).toEqual([upload.writer]);
  });

  test('that was begun to be resumed has one writer, grows from where it is, and ends with its day', async () => {
    const upload = await begun({ resumable: true });
    expect((await again(upload, { resumable: true })).kind).toBe('known');
    const writer = { ...upload, writer: randomUUID() };
    expect((await takePlace(db, upload, limits, times)).kind).toBe('taken');
    expect((await takePlace(db, writer, limits, times)).kind).toBe('locked');
    expect(await addParts(db, upload, 0, [{ name: 'one', bytes: 60 }])).toBe(true);
    expect(await addParts(db, upload, 0, [{ name: 'two', bytes: 60 }])).toBe(false);
    expect(await addParts(db, writer, 60, [{ name: 'two', bytes: 40 }])).toBe(false);
    await leaveWriting(db, upload, false);
    expect(await takePlace(db, writer, limits, times)).toMatchObject({ kind: 'taken', upload: { received_bytes: 60 } });
    expect(await addParts(db, writer, 60, [{ name: 'two', bytes: 40 }])).toBe(true);
    expect(await findUpload(db, upload)).toMatchObject({
      received_bytes: 100, parts: [{ name: 'one', bytes: 60 }, { name: 'two', bytes: 40 }],
    });
    await outlive(upload);
    await until('it is over', async () => (await leftUploads(db, 1_000)).some(({ upload_id: id }) => id === upload.upload_id));
    const plain = await begun();
    await outlive(plain);
    const expired = (await leftUploads(db, 1_000)).filter(({ tenant }) => tenant === upload.tenant || tenant === plain.tenant);
    expect(expired).toHaveLength(2);
    await forgetFiles(db, expired);
    expect(await findUpload(db, upload)).toMatchObject({ status: 'deleted', reason: 'expired' });
    expect(await findUpload(db, plain)).toBeNull();
  });

  test('has its verdict once, and none for what was deleted', async () => {
    const clean = { family: 'jpeg', size_bytes: 40, sha256: 'ab', width: 1, height: 1, thumbnail: true, scan: 'not_configured' } as const;
    const [one, two, three] = [await begun(), await begun(), await begun()];
    for (const upload of [one, two, three]) await settleUpload(db, upload, contentOf(50), limits);
    expect(await markClean(db, one, clean)).toMatchObject({ status: 'clean', clean });
    expect(await markRejected(db, one, 'late')).toMatchObject({ status: 'clean', reason: null });
    await deleteUpload(db, two);
    expect(await markClean(db, two, clean)).toMatchObject({ status: 'deleted' });
    expect(await markRejected(db, three, 'infected')).toMatchObject({ status: 'rejected' });
    expect(await markClean(db, { ...three, object_id: randomUUID() }, clean)).toBeNull();
    expect((await listUploads(db, one, { limit: 10, after: null })).rows.map(({ upload_id: id }) => id)).toEqual([one.upload_id]);
  });
});
