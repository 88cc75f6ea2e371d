/** What is wrong with an address in the settings, in words that help and never with what it holds, which may be a password. */

const encoded = 'characters such as # / ? @ : % in its user name or password are written percent-encoded, # as %23';

/** null: nothing. `schemes` without the colon. */
export function urlFault(text: string, schemes: readonly [string, ...string[]]): string | null {
  const usual = `${schemes[0]}://`;
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (scheme === undefined) return `must begin with ${usual}`;
  if (!schemes.includes(scheme.toLowerCase())) {
    return `must begin with ${schemes.map((known) => `${known}://`).join(' or ')}, not with ${scheme}://`;
  }
  if (!URL.canParse(text)) return `is no address that can be read. It looks like ${usual}host:port; ${encoded}`;
  const url = new URL(text);
  if (url.hash !== '' || /@/.test(url.pathname + url.search) || !isDecodable(url.username + url.password)) {
    return `cannot be what is meant: ${encoded}`;
  }
  // a socket of this machine is named in the query
  const isNamed = url.hostname !== '' || ['file:', 'unix:'].includes(url.protocol) || url.searchParams.has('host');
  return isNamed ? null : `names no host. It looks like ${usual}host:port`;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
