/** The port of the API: opened, and closed so that no request that was read is cut. */
import { createServer, type IncomingMessage, type RequestListener, type Server as HttpServer, type ServerResponse } from 'node:http';
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { answerClientErrors, headerBytes } from './client-errors.ts';

/**
 * Slow senders end here: headers within 10 s, the body within 30 s after them (Node's own time for the whole request knows no
 * exception, and an upload takes longer). A connection that nobody uses is kept for 30 s. A missing Host is answered by us, not barely.
 */
const patience = {
  headersTimeout: 10_000, requestTimeout: 0, connectionsCheckingInterval: 5_000, keepAliveTimeout: 30_000,
  maxHeaderSize: headerBytes, requireHostHeader: false,
} as const;
const bodyMs = 30_000;
/**
 * What a connection without a request is kept for once the port is closed, milliseconds: who uses it within that time is answered,
 * and told that it closes.
 */
const lingerMs = 1_000;
/** Turns of the event loop that closing waits for one in which nobody came. */
const quietTurnsMax = 1_000;
const lookMs = 20;

const bodyTimers = new WeakMap<IncomingMessage, NodeJS.Timeout>();

/** The time of its body is somebody else's concern from now on: whoever reads it ends a sender that is silent or too slow. */
export function watchedBySomebodyElse(request: IncomingMessage): void {
  clearTimeout(bodyTimers.get(request));
}

export class Port {
  private readonly server: HttpServer;
  private readonly sockets = new Set<Socket>();
  private arrivals = 0;

  /** `unread`: told of each request that was refused before it could be read. */
  constructor(handle: RequestListener, unread: Parameters<typeof answerClientErrors>[1]) {
    this.server = createServer(patience, (request, response) => {
      this.awaitBody(request, response);
      handle(request, response);
    });
    // Node would refuse an expectation it does not know; it may as well be ignored
    this.server.on('checkExpectation', handle);
    answerClientErrors(this.server, unread);
    this.server.on('connection', (socket: Socket) => {
      this.arrivals += 1;
      this.sockets.add(socket);
      socket.once('close', () => { this.sockets.delete(socket); });
    });
  }

  /** Resolves with the port that was taken. Rejects when it cannot be had. */
  async open(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, () => { this.server.off('error', reject); resolve(); });
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Ends a request whose body takes too long, unless whoever reads it has an eye on its sender. */
  private awaitBody(request: IncomingMessage, response: ServerResponse): void {
    if (request.headers['transfer-encoding'] === undefined && Number(request.headers['content-length'] ?? 0) === 0) return;
    const timer = setTimeout(() => {
      if (request.complete) return;
      // as Node itself would say it
      this.server.emit('clientError', Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), request.socket);
    }, bodyMs);
    bodyTimers.set(request, timer);
    response.once('close', () => { clearTimeout(timer); });
  }

  /** Takes no new connections. Resolves when the last one is closed, which those with a request under way get `deadlineMs` for. */
  async close(deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    await this.quiet();
    // not by the HTTP server: that would cut connections on which the next request is on its way
    const closed = new Promise<void>((resolve) => { NetServer.prototype.close.call(this.server, () => { resolve(); }); });
    await this.empty(Math.min(deadline, performance.now() + lingerMs));
    this.server.closeIdleConnections();
    // to Node one that was never used is not idle: it waits for its first request
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
    await this.empty(deadline);
    this.server.closeAllConnections();
    this.server.close();
    await closed;
  }

  /**
   * Waits for a turn in which no connection arrived: what the system has taken in and we have not seen would be reset when the
   * port closes.
   */
  private async quiet(): Promise<void> {
    for (let turn = 0, seen = -1; turn < quietTurnsMax && seen !== this.arrivals; turn += 1) {
      seen = this.arrivals;
      await nextTurn();
    }
  }

  /** Resolves when no connection is left, or at the time that `performance.now()` says. */
  private async empty(until: number): Promise<void> {
    while (this.sockets.size > 0 && performance.now() < until) await pause(lookMs);
  }
}
