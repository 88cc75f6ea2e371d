import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { readConfiguration } from '../service/environment.ts';
import { addressFault, guardedLookup, isOpenAddress } from './address.ts';
import { createPost, retryAfter } from './request.ts';

const closed = [
  '0.0.0.0', '10.1.2.3', '100.64.0.1', '100.100.100.200', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1', '172.31.255.255',
  '192.0.0.192', '192.168.1.1',
  '198.18.0.1', '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '168.63.129.16',
  '::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '100::1', 'fc00::1',
  'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1',
  '2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1', '2606:4700::1%eth0',
];
const open = [
  '1.1.1.1', '8.8.8.8', '100.63.255.255', '100.128.0.1', '172.15.0.1', '172.32.0.1', '192.167.1.1', '223.255.255.255', '2606:4700::1111',
  '2a00:1450:4001::1',
];

describe('an outgoing address', () => {
  test.each(closed)('%s is closed', (address) => { expect(isOpenAddress(address)).toBe(false); });
  test.each(open)('%s is open', (address) => { expect(isOpenAddress(address)).toBe(true); });

  test.each([
    'http://example.org/', 'https://127.0.0.1/', 'https://127.1/', 'https://2130706433/', 'https://0x7f.0.0.1/', 'https://0177.0.0.1/',
    'https://[::1]/', 'https://[::ffff:10.0.0.1]/',
    'https://localhost/', 'https://api.localhost/', 'https://169.254.169.254/latest/meta-data/', 'https://user:password@example.org/',
    'https://example.org/#part', 'ftp://example.org/',
    'file:///etc/passwd', 'example.org', '',
  ])('of %s is refused at start', (url) => { expect(addressFault(url, false)).not.toBeNull(); });

  test('of the open internet is taken over https, and private ones over http too when they are allowed', () => {
    expect(['https://example.org/hook?a=1', 'https://1.1.1.1/', 'https://[2606:4700::1111]:8443/'].map((url) => addressFault(url, false)))
      .toEqual([null, null, null]);
    expect(['http://127.0.0.1:8080/', 'http://localhost/', 'https://[::1]/'].map((url) => addressFault(url, true)))
      .toEqual([null, null, null]);
    expect(addressFault('ftp://127.0.0.1/', true)).not.toBeNull();
  });

  test('that may not be used, or comes without its secret, ends the start with its name and without its value', () => {
    const read = (environment: Record<string, string>) => () => readConfiguration(environment);
    expect(read({ EVENT_WEBHOOK_URL: 'https://10.9.8.7/hook', EVENT_WEBHOOK_SECRET: 'a long enough secret' })).toThrow(
      /EVENT_WEBHOOK_URL: (?!.*10\.9\.8\.7)/,
    );
    expect(read({ CHANGE_TARGET_URL: 'https://example.org/' })).toThrow(/CHANGE_TARGET_SECRET/);
    expect(read({ CHANGE_TARGET_URL: 'https://example.org/', CHANGE_TARGET_SECRET: 'short' })).toThrow(/CHANGE_TARGET_SECRET/);
    expect(read({ CHANGE_TARGET_URL: 'https://example.org/', CHANGE_TARGET_SECRET: 'a long enough secret' })).not.toThrow();
  });
});

describe('a connection', () => {
  const resolving = (addresses: readonly LookupAddress[]) => guardedLookup(
    false,
    ((_: string, __: object, callback: (error: null, found: readonly LookupAddress[]) => void) => { callback(null, addresses); }) as never,
  );
  const looked = (addresses: readonly LookupAddress[], all: boolean) => new Promise<unknown>((resolve) => {
    resolving(addresses)('example.org', { all }, (error, found) => { resolve(error === null ? found : error.name); });
  });

  test('goes to the very address that was checked, and one closed address among several refuses them all', async () => {
    expect(await looked([{ address: '1.1.1.1', family: 4 }], false)).toBe('1.1.1.1');
    expect(await looked([{ address: '1.1.1.1', family: 4 }, { address: '2606:4700::1', family: 6 }], true)).toEqual([
      { address: '1.1.1.1', family: 4 }, { address: '2606:4700::1', family: 6 },
    ]);
    expect(await looked([{ address: '1.1.1.1', family: 4 }, { address: '127.0.0.1', family: 4 }], true)).toBe('ClosedAddressError');
    expect(await looked([{ address: '::ffff:127.0.0.1', family: 6 }], false)).toBe('ClosedAddressError');
    expect(await looked([], true)).toBe('ClosedAddressError');
  });

  test('by a name that resolves to this machine is not made, and the name is resolved once for a connection', async () => {
    const heard: (string | undefined)[] = [];
    const server = createServer((request, response) => { heard.push(request.headers.host); response.end('{}'); });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const { port } = server.address() as AddressInfo;
    let resolved = 0;
    const resolve = ((_: string, __: object, callback: (error: null, found: readonly LookupAddress[]) => void) => {
      resolved += 1;
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    }) as never;
    const settings = { secret: 'a secret for tests', timeoutMs: 2_000, maxAnswerBytes: 1_000, now: Date.now, resolve };
    try {
      await expect(createPost({ ...settings, allowPrivate: false })({ url: new URL(`https://hooks.example.org:${port}/`), body: '{}' }))
        .rejects.toMatchObject({ reason: 'closed_address' });
      expect(await createPost({ ...settings, allowPrivate: true })({ url: new URL(`http://hooks.example.org:${port}/`), body: '{}' }))
        .toMatchObject({ status: 200 });
      expect([heard, resolved]).toEqual([[`hooks.example.org:${port}`], 2]);
    } finally {
      server.close();
    }
  });
});

test('Retry-After is read as seconds or as a date ahead, and as nothing else', () => {
  const now = Date.parse('2026-11-25T08:00:00Z');
  expect(['7', '0', 'Wed, 25 Nov 2026 08:00:09 GMT', 'Wed, 25 Nov 2026 07:00:00 GMT', '-1', 'abc', '', '1.5e9']
    .map((header) => retryAfter(header, now))).toEqual([7_000, 0, 9_000, null, null, null, null, null]);
  expect(retryAfter(undefined, now)).toBeNull();
});
