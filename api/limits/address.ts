/** The caller's address: the socket's, unless the socket is a trusted proxy; IPv6 by its /64, mapped IPv4 as IPv4. */
import { BlockList, isIPv6 } from 'node:net';
import { ConfigurationError } from '../../domain/configuration-error.ts';
import { groupsOf, isListed, plainAddress } from '../../outside/peer.ts';

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
