import { describe, expect, test } from '@jest/globals';
import { plainAddress } from '../../outside/peer.ts';
import { addressReader } from './address.ts';

describe('the address that a stranger is counted by', () => {
  test('is the socket\'s, whatever was forwarded, when nobody is trusted', () => {
    const addressOf = addressReader('');
    for (const forwarded of ['', '203.0.113.9', '203.0.113.9, 127.0.0.1']) {
      expect(addressOf('198.51.100.7', forwarded)).toBe('198.51.100.7');
    }
  });

  test.each([
    ['10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '192.0.2.66, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '192.0.2.66, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['10.0.0.1', '203.0.113.9:55001', '203.0.113.9'],
    ['10.0.0.1', '[2001:db8:1:2:3::9]:443', '2001:db8:1:2::/64'],
    ['10.0.0.1', '::ffff:cb00:7109', '203.0.113.9'],
    ['10.0.0.1', '10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', 'unknown', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['2001:db8:aa::1', '203.0.113.9', '203.0.113.9'],
    ['198.51.100.7', '203.0.113.9', '198.51.100.7'],
  ])('from the socket %s with %j forwarded and the proxies trusted is %s', (socket, forwarded, address) => {
    expect(addressReader('10.0.0.0/8, 2001:db8:aa::/48')(socket, forwarded)).toBe(address);
  });

  test.each([
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'], ['2001:0DB8:0001:0002:ffff:1:2:3', '2001:db8:1:2::/64'], ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'], ['fe80::1%eth0', 'fe80:0:0:0::/64'], ['::ffff:203.0.113.9', '203.0.113.9'],
  ])('of %s is %s: one household or host is one caller', (socket, address) => {
    expect(addressReader('')(socket, '')).toBe(address);
  });

  test('a setting that is no network stops the start and is named', () => {
    for (const bad of ['proxy.example.org', '10.0.0.0/33', '10.0.0.0/x']) {
      expect(() => addressReader(bad)).toThrow(`TRUSTED_PROXIES: ${bad} is no network`);
    }
  });
});

test.each(['', ' ', 'unknown', '1.2.3', '1.2.3.4.5', '300.1.1.1', '::g', '1.2.3.4, 5.6.7.8', '<script>'])('%j is no address', (text) => {
  expect(plainAddress(text)).toBe('');
});
