/** Whether a request comes from this machine. */
import type { IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import { isListed, plainAddress } from './limits/address.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** A request that was forwarded comes from elsewhere, whatever the socket says. */
export function isLoopback({ headers, socket }: IncomingMessage): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  return isListed(loopback, plainAddress(socket.remoteAddress ?? ''));
}
