/**
 * What Node refuses before there is a request: headers that are too large, senders that are too slow, what is no HTTP. By
 * itself it answers with a bare status; a caller gets the usual problem, and the log a line with its correlation id.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem } from './problem.ts';

export interface Unread { readonly status: number; readonly correlationId: string }

/** All headers of a request together. */
export const headerBytes = 16_384;

/** Call it once for a server. `onRefused` is told of each answer that was given here. */
export function answerClientErrors(server: Server, onRefused: (unread: Unread) => void): void {
  const answering = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => { answering.set(request.socket, response); });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // into an answer that has begun nothing can be written any more, nor to somebody who has gone
    if (!socket.writable || error.code === 'ECONNRESET' || isUnderWay(answering.get(socket))) {
      socket.destroy();
      return;
    }
    const problem = problemOf(error.code ?? '');
    const correlationId = randomUUID();
    onRefused({ status: problem.status, correlationId });
    socket.end(written(problem, correlationId));
  });
}

/** The answer to a request that came before on the same connection is none. */
function isUnderWay(response: ServerResponse | undefined): boolean {
  return response !== undefined && response.headersSent && !response.writableFinished;
}

function problemOf(code: string): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Problem('headers_too_large', `The headers are larger than ${headerBytes} bytes in all. A token has to fit into them.`);
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Problem('request_timeout', 'The request did not come in time: headers within 10 seconds, the body within 30 after them.');
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return new Problem('payload_too_large', 'The body has larger chunk extensions than are read.');
  }
  return new Problem('invalid_request', 'This is no HTTP request that can be read.');
}

function written(problem: Problem, correlationId: string): string {
  const body = JSON.stringify(problem.toJson('', correlationId));
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`, `Date: ${new Date().toUTCString()}`,
    'Content-Type: application/problem+json; charset=utf-8', `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Correlation-Id: ${correlationId}`, 'X-Content-Type-Options: nosniff', 'Connection: close', '', body,
  ].join('\r\n');
}
