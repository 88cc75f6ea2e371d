/** What people say is sealed wherever it rests; keys can be changed under running sessions; a lost one harms nobody else. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bounds } from '../domain/bounds.ts';
import { developmentCodecKeys } from '../scripts/embedded/secrets.ts';
import { readConfiguration } from '../service/environment.ts';
import { createSealer, readCodecKeys, unsealed } from '../encryption/sealer.ts';
import { createPayloadCodec, sealedFor } from '../engine/payload-codec.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { newFolder, root } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { newTenant, person, type Body } from './support/person.ts';
import { until } from './support/until.ts';

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const sealerOf = (...keys: string[]) => createSealer(readCodecKeys(keys.join(',')));
const nameOf = (work: () => unknown): string => {
  try {
    work();
    return 'nothing thrown';
  } catch (error) {
    return (error as Error).name;
  }
};

describe('sealing', () => {
  const [one, two] = [key('one'), key('two')];

  test('any bytes come back whole, and are found nowhere in what is kept', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 8, maxLength: 2_000 }), fc.string(), (bytes, context) => {
      const envelope = sealerOf(one).seal(bytes, context);
      expect(sealerOf(two, one).open(envelope, context).equals(bytes)).toBe(true);
      expect(envelope.includes(Buffer.from(bytes))).toBe(false);
    }));
  });

  test('the same words never give the same envelope', () => {
    const sealer = sealerOf(one);
    expect(new Set(Array.from({ length: 500 }, () => sealer.seal(Buffer.from('yes'), '').toString('base64'))).size).toBe(500);
  });

  test('no byte of an envelope can be changed or cut, and it opens in its own place only', () => {
    const sealer = sealerOf(one, two);
    const envelope = sealer.seal(Buffer.from('Harbour Office'), 'snapshot:1');
    expect(nameOf(() => sealer.open(envelope, 'snapshot:2'))).toBe('SealBrokenError');
    for (let at = 0; at < envelope.length; at += 1) {
      const changed = Buffer.from(envelope);
      changed[at] = (changed[at] ?? 0) ^ 1;
      // without our mark it is somebody else's and comes back as it is
      if (at < 4) expect(sealer.open(changed, 'snapshot:1').equals(changed)).toBe(true);
      else expect(nameOf(() => sealer.open(changed, 'snapshot:1'))).toMatch(/^(SealBrokenError|KeyUnavailableError)$/);
    }
    for (let length = 60; length < envelope.length; length += 1) {
      expect(nameOf(() => sealer.open(envelope.subarray(0, length), 'snapshot:1'))).toBe('SealBrokenError');
    }
  });

  test('an unknown key is told by its id; another key under a known id does not open', () => {
    const envelope = sealerOf(one).seal(Buffer.from('x'), '');
    expect(() => sealerOf(two).open(envelope, '')).toThrow('The encryption key one is not configured.');
    expect(nameOf(() => unsealed.open(envelope, ''))).toBe('KeyUnavailableError');
    expect(nameOf(() => sealerOf(key('one')).open(envelope, ''))).toBe('SealBrokenError');
  });

  test('bad keys are one error that names the setting and never a value', () => {
    const short = `a:${randomBytes(16).toString('base64')}`;
    for (const bad of [short, 'nonsense', `:${randomBytes(32).toString('base64')}`, `${one},${short}`, `${one};${two}`]) {
      expect(nameOf(() => readConfiguration({ GANGWAY_CODEC_KEYS: bad }))).toBe('ConfigurationError');
      expect(nameOf(() => readCodecKeys(bad))).toBe('ConfigurationError');
      try { readConfiguration({ GANGWAY_CODEC_KEYS: bad }); } catch (error) {
        expect((error as Error).message).toContain('GANGWAY_CODEC_KEYS');
        for (const part of bad.split(/[:,;]/).filter((each) => each.length > 2)) expect((error as Error).message).not.toContain(part);
      }
    }
    expect(nameOf(() => readCodecKeys(`${one},${one}`))).toBe('ConfigurationError');
  });

  test('the development key is made once, also by many at a time', async () => {
    const folder = await newFolder();
    const keys = await Promise.all(Array.from({ length: 10 }, () => developmentCodecKeys(folder)));
    expect(new Set(keys).size).toBe(1);
    expect(readCodecKeys(keys[0] ?? '').byId.size).toBe(1);
  });
});

describe('payloads', () => {
  const payload = {
    metadata: { encoding: Buffer.from('json/plain'), messageType: Buffer.from('ünï') }, data: Buffer.from('"Harbour Office"'),
  };
  const context = { type: 'workflow', namespace: 'default', workflowId: 'session:t%3A1:5' } as const;
  const own = key('one');
  const codec = createPayloadCodec(sealerOf(own));

  test('come back with all their metadata, and name their tenant and key', async () => {
    const [sealed = {}] = await codec.encode([payload], context);
    expect(sealedFor(sealed)).toEqual({ keyId: 'one', tenant: 't:1', workflow: context.workflowId });
    expect(Buffer.from(sealed.data ?? []).includes('Harbour')).toBe(false);
    const [opened] = await codec.decode([sealed], context);
    expect(opened?.data).toEqual(payload.data);
    expect(Buffer.from(opened?.metadata?.['messageType'] ?? []).toString()).toBe('ünï');
  });

  test('of one tenant do not open in a workflow of another, nor with the tenant rewritten', async () => {
    const [sealed = {}] = await codec.encode([payload], context);
    const other = { ...context, workflowId: 'session:other:5' };
    await expect(codec.decode([sealed], other)).rejects.toThrow('another');
    const rewritten = { ...sealed, metadata: { ...sealed.metadata, 'gangway-tenant': Buffer.from('other') } };
    await expect(codec.decode([rewritten], other)).rejects.toThrow('does not open');
  });

  test('say in clear in whose workflow they stand, and do not open with that rewritten, taken away or added', async () => {
    const [sealed = {}] = await codec.encode([payload], context);
    const { 'gangway-workflow': _, ...without } = sealed.metadata ?? {};
    for (const metadata of [without, { ...without, 'gangway-workflow': Buffer.from('session:t%3A1:6') }]) {
      await expect(codec.decode([{ ...sealed, metadata }], context)).rejects.toThrow('does not open');
    }
    const [nobodys = {}] = await codec.encode([payload]);
    const claimed = { ...nobodys, metadata: { ...nobodys.metadata, 'gangway-workflow': Buffer.from(context.workflowId) } };
    await expect(codec.decode([claimed], context)).rejects.toThrow('does not open');
  });

  test('that are nobody\'s, such as an argument typed by an operator, open in every workflow', async () => {
    const [nobodys = {}] = await codec.encode([payload]);
    expect(sealedFor(nobodys)).toMatchObject({ tenant: '', workflow: null });
    expect((await codec.decode([nobodys], context))[0]?.data).toEqual(payload.data);
  });

  test('that are long are sealed several times smaller, and come back whole', async () => {
    const answers = Array.from({ length: 400 }, (_, at) => ({
      sequence: at + 1, question_id: 'expected_users', value: at, superseded: true,
    }));
    const long = { ...payload, data: Buffer.from(JSON.stringify(answers)) };
    const [sealed = {}] = await codec.encode([long], context);
    expect(sealed.data?.length).toBeLessThan(long.data.length / 4);
    const [opened] = await codec.decode([sealed], context);
    expect(Buffer.from(opened?.data ?? []).equals(long.data)).toBe(true);
    expect(Object.keys(opened?.metadata ?? {})).toEqual(['encoding', 'messageType']);
    // what compression would not shorten stays as it is
    const noise = { ...payload, data: randomBytes(100_000) };
    const [kept = {}] = await codec.encode([noise], context);
    expect(kept.data?.length).toBeLessThan(noise.data.length + 300);
    expect(Buffer.from((await codec.decode([kept], context))[0]?.data ?? []).equals(noise.data)).toBe(true);
  });

  test('that are short are sealed in less than half, and any come back as they were', async () => {
    const actor = { tenant: 'acme', subject: 'ana', person: 'acme/ana', roles: ['user'] };
    const message = { id: 'm-1', fingerprint: '0123456789abcdef', actor, correlation_id: 'c-1', if_match: null, body: { text: 'in June' } };
    const short = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(message)) };
    const [sealed = {}] = await codec.encode([short], context);
    const [nothing = {}] = await codec.encode([{ ...short, data: Buffer.alloc(0) }], context);
    // beside what sealing nothing takes
    expect((sealed.data?.length ?? 0) - (nothing.data?.length ?? 0)).toBeLessThan(short.data.length / 2);
    const metadata = fc.dictionary(fc.string(), fc.uint8Array());
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), metadata, async (data, more) => {
      const given = { metadata: { ...more, encoding: Buffer.from('json/plain') }, data };
      const [opened] = await codec.decode(await codec.encode([given], context), context);
      expect(Buffer.from(opened?.data ?? []).equals(data)).toBe(true);
      const plain = (all: object): object => Object.fromEntries(Object.entries(all).map(([name, value]) => [name, [...value]]));
      expect(plain(opened?.metadata ?? {})).toEqual(plain(given.metadata));
    }));
  });

  async function openedFrom(file: string): Promise<Body> {
    const { metadata, data } = JSON.parse(await readFile(join(root, 'test', file), 'utf8')) as {
      metadata: Record<string, string>;
      data: string;
    };
    const sealed = {
      metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')])),
      data: Buffer.from(data, 'base64'),
    };
    const [opened] = await createPayloadCodec(sealerOf(testCodecKeys)).decode([sealed], { ...context, workflowId: 'session:acme:5' });
    return JSON.parse(Buffer.from(opened?.data ?? []).toString('utf8')) as Body;
  }

  test('from before there was compression open', async () => {
    const { answers } = await openedFrom('payload-before-compression.json');
    expect([answers.length, answers[59]]).toEqual([60, { question_id: 'expected_users', value: 59, superseded: true }]);
  });

  test('from before they named their workflow open', async () => {
    expect(await openedFrom('payload-before-workflow.json')).toEqual({ question_id: 'expected_users', value: 24 });
  });

  test('that were packed with the first dictionary open: its bytes never change', async () => {
    const { outcome } = await openedFrom('payload-with-dictionary-1.json');
    expect(outcome).toEqual({ kind: 'accepted', accepted: [{ question_id: 'expected_users', value: 24 }] });
  });

  test('that would grow beyond anything that is carried do not open, and what is too large to be carried is told by size and workflow', async () => {
    const metadata = Buffer.from(JSON.stringify({ encoding: '', 'gangway-compression': 'zstd' }));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(metadata.length);
    const [{ metadata: names = {} } = {}] = await codec.encode([payload], context);
    const packed = Buffer.concat([length, metadata, zstdCompressSync(Buffer.alloc(50_000_000))]);
    const bombOf = (bytes: Uint8Array) => ({ metadata: names, data: sealerOf(own).seal(bytes, `payload:t:1\n${context.workflowId}`) });
    for (const bytes of [packed, Buffer.concat([Buffer.of(1), zstdCompressSync(Buffer.alloc(50_000_000))])]) {
      await expect(codec.decode([bombOf(bytes)], context)).rejects.toThrow('larger than any');
    }
    await expect(codec.encode([{ ...payload, data: Buffer.alloc(bounds.payload + 1) }], context)).rejects.toThrow(
      /session:t%3A1:5 has \d+ bytes/,
    );
    await expect(codec.encode([{ ...payload, data: randomBytes(bounds.payload) }], context)).resolves.toHaveLength(1);
  });

  test('that are not ours pass through', async () => {
    const foreign = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('theirs') };
    expect(await codec.decode([payload, foreign], context)).toEqual([payload, foreign]);
  });
});

describe('keys of a running instance', () => {
  let instance: Instance | undefined;
  afterAll(() => discard(instance));

  test('rotation goes unnoticed; without the old key its sessions answer 503 and no others, and go on when it is back', async () => {
    const folder = await newFolder();
    const [old, fresh] = [key('old'), key('fresh')];
    const start = async (settings: Readonly<Record<string, string>>, ...keys: string[]): Promise<Instance> => {
      await instance?.stop();
      instance = await startInstance(folder, { ...settings, GANGWAY_CODEC_KEYS: keys.join(',') });
      return instance;
    };
    const tenant = newTenant();
    const ana = async (at: Instance) => person(at, tenant, 'ana', 'user');
    let who = await ana(await start({}, old));
    const { session_id: id } = await who.start();
    await who.gives(id, 'setup_urgency', 'immediate');

    who = await ana(await start({}, fresh, old));
    await who.gives(id, 'business_unit_type', 'office');
    expect((await who.get(`/sessions/${id}/answers/`)).body.answers).toHaveLength(2);

    const without = await start({ GANGWAY_LOST_KEYS: 'old' }, fresh);
    who = await ana(without);
    const ben = await person(without, tenant, 'ben', 'user');
    for (
      const reply of [
        await who.answer(id, 'business_unit_name', 'Depot', 'm1'), await who.get(`/sessions/${id}/`),
        await who.get(`/sessions/${id}/answers/`),
      ]
    ) {
      expect(reply).toMatchObject({ status: 503, body: { code: 'key_unavailable' } });
      expect(JSON.stringify(reply.body)).not.toContain('old');
    }
    expect((await ben.get(`/sessions/${id}/`)).status).toBe(404);
    expect((await who.get('/sessions/')).status).toBe(200);
    const others = await ben.start();
    await ben.gives(others.session_id, 'setup_urgency', 'immediate');

    who = await ana(await start({}, fresh, old));
    await until('the session answers again', async () => (await who.answer(id, 'business_unit_name', 'Depot', 'm1')).status === 200);
    expect((await who.get(`/sessions/${id}/answers/`)).body.answers.map((each: { value: unknown }) => each.value)).toEqual(
      ['immediate', 'office', 'Depot'],
    );
  });
});

describe('a key that is lost', () => {
  let instance: Instance | undefined;
  afterAll(async () => { await discard(instance); }, 60_000);

  test('stops a start that is told nothing, which says both ways on and makes no other key; given up, it takes its sessions and nothing ' +
    'else', async () => {
    const folder = await newFolder();
    const path = join(folder, 'secrets', 'codec.key');
    const start = async (settings: Readonly<Record<string, string>> = {}): Promise<Instance> => {
      await instance?.stop();
      instance = undefined;
      instance = await startInstance(folder, settings);
      return instance;
    };
    const tenant = newTenant();
    const people = (at: Instance) => Promise.all([person(at, tenant, 'ana', 'user'), person(at, tenant, 'ben', 'user')]);
    let [ana, ben] = await people(await start());
    const { session_id: id } = await ana.start();
    await ana.gives(id, 'setup_urgency', 'immediate');
    await instance?.stop();
    const kept = await readFile(path, 'utf8');
    await rm(path);
    const [name = ''] = kept.split(':');

    await expect(start()).rejects.toThrow(
      /ended with 1:\n(Starting Gangway …\n)?\S*codec\.key is missing, .* put it back from a backup; or, .* GANGWAY_LOST_KEYS=all: .*\n$/,
    );
    expect(await readdir(join(folder, 'secrets'))).not.toContain('codec.key');
    await expect(start({ GANGWAY_CODEC_KEYS: key('other') })).rejects.toThrow(
      new RegExp(`the key ${name} sealed stored data and is not there\\. Bring it back.*GANGWAY_LOST_KEYS=${name} `),
    );

    [ana, ben] = await people(await start({ GANGWAY_LOST_KEYS: 'all' }));
    for (const reply of [await ana.answer(id, 'business_unit_type', 'office', 'm1'), await ana.get(`/sessions/${id}/`)]) {
      expect(reply).toMatchObject({ status: 503, body: { code: 'key_unavailable' } });
    }
    expect((await ana.get('/sessions/')).status).toBe(200);
    const { session_id: other } = await ben.start();
    await ben.gives(other, 'setup_urgency', 'immediate');

    // what was given up once need not be said again; and the key that is found later opens its sessions
    [, ben] = await people(await start());
    expect((await ben.get(`/sessions/${other}/answers/`)).body.answers).toHaveLength(1);
    await writeFile(path, `${(await readFile(path, 'utf8')).trim()},${kept}`);
    [ana] = await people(await start());
    await until('the session answers again', async () => (await ana.answer(id, 'business_unit_type', 'office', 'm1')).status === 200);

    await expect(start({ GANGWAY_CODEC_KEYS: `${name}:${randomBytes(32).toString('base64')}` })).rejects.toThrow(
      `the id ${name} named another key before`,
    );
  });

  test('and a file that holds no key is named itself, not a variable that is not set', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'secrets'));
    await writeFile(join(folder, 'secrets', 'codec.key'), 'garbage');
    await expect(developmentCodecKeys(folder)).rejects.toThrow(`${join(folder, 'secrets', 'codec.key')}: its key 1 is not of the form`);
    await rm(folder, { recursive: true });
  });
});
