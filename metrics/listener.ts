/** /metrics on a port of its own, in every role: a worker has no other, and a scraper needs no way to the API. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mayReadMetrics } from './access.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsListenerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** null: only this machine may ask. */
  readonly token: string | null;
}

export interface MetricsListener { readonly port: number; close(): Promise<void> }

/** Rejects when the port cannot be had. */
export async function listenForMetrics({ host, port, metrics, token }: MetricsListenerOptions): Promise<MetricsListener> {
  // whoever sends or reads slowly is not waited for: headers within 5 s, the whole request within 10 s, 64 connections
  const bounds = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 65_000, maxHeaderSize: 8_192 };
  const server = createServer(bounds, (request, response) => {
    answer(request, response, metrics, token).catch(() => { response.destroy(); });
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => { server.off('error', reject); resolve(); });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => {
      server.close(() => { resolve(); });
      server.closeAllConnections();
    }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, metrics: Metrics, token: string | null): Promise<void> {
  const [path] = (request.url ?? '').split('?');
  if (path !== '/metrics' && path !== '/metrics/') return end(response, 404, 'There is only /metrics here.\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'Use GET.\n', { Allow: 'GET, HEAD' });
  if (!mayReadMetrics(request, token)) {
    return end(response, 401, 'This is read from the machine itself, or with the token of GANGWAY_METRICS_TOKEN.\n', {
      'WWW-Authenticate': 'Bearer realm="gangway"',
    });
  }
  const { contentType, text } = await metrics.render();
  end(response, 200, request.method === 'HEAD' ? '' : text, { 'Content-Type': contentType });
}

function end(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...headers,
  }).end(text);
}
