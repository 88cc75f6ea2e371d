/**
 * Which addresses an outgoing request may reach. A literal address is checked when the service starts and before each
 * request; a name is checked when it is resolved, inside the connection: the address that was checked is the one connected
 * to, so that a name cannot point elsewhere a moment later.
 */
import { lookup as resolveName, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Not for requests from inside: private, loopback, link-local (with cloud metadata), carrier NAT, documentation, multicast. */
const closedIPv4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
  // one cloud serves its machines' metadata from this public-looking address
  '168.63.129.16/32',
];
/** Inside 2000::/3, the only range in use: protocol assignments with Teredo, documentation, 6to4 (which carries any IPv4). */
const closedIPv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const closed = listOf([...closedIPv4, ...closedIPv6]);
const global = listOf(['2000::/3']);

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits = ''] = range.split('/');
    list.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** True for an address of the open internet. Everything else, mapped IPv4 and unknown ranges included, is not. */
export function isOpenAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !closed.check(address, 'ipv4');
  // a zone (%eth0) names a link of this machine
  return version === 6 && !address.includes('%') && global.check(address, 'ipv6') && !closed.check(address, 'ipv6');
}

/** What is wrong with a URL for outgoing requests, or null. Says nothing of the URL itself, which may hold a secret. */
export function addressFault(text: string, allowPrivate: boolean): string | null {
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) {
    return 'is not an https:// address (GANGWAY_ALLOW_PRIVATE_URLS=true allows http://)';
  }
  if (url.username !== '' || url.password !== '') return 'holds a user name or password: requests are signed instead';
  if (url.hash !== '') return 'ends with a #fragment, which is never sent';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const local = host === 'localhost' || host.endsWith('.localhost') || (isIP(host) !== 0 && !isOpenAddress(host));
  return local && !allowPrivate ? 'points to a private or reserved address (GANGWAY_ALLOW_PRIVATE_URLS=true allows it)' : null;
}

/** Raised in place of a connection. */
export class ClosedAddressError extends Error {
  override readonly name = 'ClosedAddressError';
  readonly code = 'EADDRCLOSED';
}

/** For the `lookup` option of a connection. One closed address among several refuses them all: no choice is left to chance. */
export function guardedLookup(allowPrivate: boolean, resolve: typeof resolveName = resolveName): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, '');
      const first = addresses[0];
      if (first === undefined || (!allowPrivate && addresses.some(({ address }) => !isOpenAddress(address)))) {
        return callback(new ClosedAddressError('The name resolves to a private or reserved address.'), '');
      }
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}
