/** The caller's address: the socket's, unless the socket is a trusted proxy; IPv6 by its /64, mapped IPv4 as IPv4. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { ConfigurationError } from '../../domain/configuration-error.ts';

export type AddressOf = (socketAddress: string | undefined, forwardedFor: string) => string;

/** `trusted`: comma-separated CIDRs, of TRUSTED_PROXIES. Throws ConfigurationError for one that is none. */
export function addressReader(trusted: string): AddressOf {
  const proxies = new BlockList();
  for (const cidr of trusted.split(',').map((part) => part.trim()).filter((part) => part !== '')) addNetwork(proxies, cidr);
  return (socketAddress, forwardedFor) => {
    let address = plainAddress(socketAddress ?? '');
    // from the right: each hop vouches for the one before it, as far as we trust it
    for (const hop of forwardedFor.split(',').reverse()) {
      const before = plainAddress(hop);
      if (before === '' || !isListed(proxies, address)) break;
      address = before;
    }
    return isIPv6(address) ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address;
  };
}

function addNetwork(list: BlockList, cidr: string): void {
  const [network = '', bits = isIPv6(network) ? '128' : '32'] = cidr.split('/');
  try {
    list.addSubnet(network, Number(bits), isIPv6(network) ? 'ipv6' : 'ipv4');
  } catch {
    throw new ConfigurationError([`TRUSTED_PROXIES: ${cidr} is no network, such as 10.0.0.0/8`]);
  }
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
function groupsOf(address: string): readonly string[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  if (tail === undefined) return groups(head);
  const [first, last] = [groups(head), groups(tail)];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last];
}
