/** The caller's address: the socket's, unless the socket is a trusted proxy; IPv6 by its /64, mapped IPv4 as IPv4. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

export type AddressOf = (socketAddress: string | undefined, forwardedFor: string) => string;

/** `trusted`: comma-separated CIDRs. Throws on one that is none. */
export function addressReader(trusted: string): AddressOf {
  const proxies = new BlockList();
  for (const cidr of trusted.split(',').map((part) => part.trim()).filter((part) => part !== '')) {
    const [network = '', bits = isIPv6(network) ? '128' : '32'] = cidr.split('/');
    proxies.addSubnet(network, Number(bits), isIPv6(network) ? 'ipv6' : 'ipv4');
  }
  const isProxy = (address: string): boolean => (isIPv4(address) || isIPv6(address)) && proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  return (socketAddress, forwardedFor) => {
    // from the right: each hop vouches for the one before it, as far as we trust it
    const hops = [...forwardedFor.split(',').map((part) => plain(part.trim())).filter((part) => part !== ''), plain(socketAddress ?? '')];
    let address = hops.pop() ?? '';
    while (isProxy(address) && hops.length > 0) address = hops.pop() ?? address;
    return isIPv6(address) ? networkOf(address) : address;
  };
}

function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/** The first four groups of an IPv6 address: one household or host may use all the rest. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? first : [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last];
  return `${groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
