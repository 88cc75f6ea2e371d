/** Content-Disposition of a download (RFC 6266): never shown in the page of our own origin. */

export function attachment(name: string): string {
  // a percent sign is decoded by some browsers also where it means itself
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
  const exact = encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  return plain === name ? `attachment; filename="${plain}"` : `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}
