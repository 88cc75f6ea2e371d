/** Who is at the other end of a socket: addresses as they are compared, and whether it is this machine itself. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether a request comes from this machine. One that was forwarded comes from elsewhere, whatever the socket says. */
export function isLoopback({ headers, socket }: IncomingMessage): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  return isListed(loopback, plainAddress(socket.remoteAddress ?? ''));
}

export function isListed(list: BlockList, address: string): boolean {
  return address !== '' && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** Without port, brackets and zone, an IPv4 address mapped into IPv6 as itself; '' for what is no address. */
export function plainAddress(text: string): string {
  const [, address = ''] = /^\s*\[?(\d+(?:\.\d+){3}(?=:|\s*$)|[^\]%\s]*)/.exec(text) ?? [];
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return '';
  const groups = groupsOf(address);
  if (groups.slice(0, 6).join(':') !== '0:0:0:0:0:ffff') return address;
  return groups.slice(6).flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]).join('.');
}

/** The eight groups of an IPv6 address, in lower case and without leading zeros. */
export function groupsOf(address: string): readonly string[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  if (tail === undefined) return groups(head);
  const [first, last] = [groups(head), groups(tail)];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last];
}
