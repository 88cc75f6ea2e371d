/** A proxy that compresses as proxies do: it weakens ETags, keeps what it compresses until a block is full, and obeys no-transform. */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';

export interface CompressingProxy { readonly url: string; close(): void }

export async function compressingProxy(target: string): Promise<CompressingProxy> {
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, host: new URL(target).host };
    const onward = request(
      `${target}${incoming.url ?? ''}`, { method: incoming.method, headers, agent: false },
      (answer) => { passOn(incoming, answer, outgoing); },
    );
    onward.on('error', () => { outgoing.destroy(); });
    outgoing.on('close', () => { onward.destroy(); });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => { server.closeAllConnections(); server.close(); },
  };
}

function passOn(incoming: IncomingMessage, answer: IncomingMessage, outgoing: ServerResponse): void {
  const { 'content-length': _, etag, ...headers } = answer.headers;
  const mayTransform = !/\bno-transform\b/.test(headers['cache-control'] ?? '');
  const compresses = mayTransform && /\bgzip\b/.test(String(incoming.headers['accept-encoding'] ?? '')) && answer.statusCode !== 204;
  if (!compresses) {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    pipeline(answer, outgoing, () => undefined);
    return;
  }
  const weakened = etag === undefined || etag.startsWith('W/') ? etag : `W/${etag}`;
  outgoing.writeHead(answer.statusCode ?? 502, {
    ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding', ...(weakened === undefined ? {} : { etag: weakened }),
  });
  pipeline(answer, createGzip(), outgoing, () => undefined);
}
