/** What Node refuses before there is a request is answered like everything else. */
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { answerClientErrors, headerBytes, type Unread } from '../api/client-errors.ts';
import { sharedInstance } from './support/shared.ts';
import { base, cast } from './support/person.ts';
import type { Body } from './support/person.ts';

interface Answer { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Body }

/** Everything that comes back until the other side closes. */
async function exchanged(port: number, send: (socket: Socket) => void): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => { text += chunk.toString('utf8'); });
  socket.once('connect', () => { send(socket); });
  await new Promise<void>((resolve) => {
    socket.on('error', () => undefined);
    socket.once('close', () => { resolve(); });
  });
  return text;
}

function read(text: string): Answer {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [status = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => [
    line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim(),
  ]));
  return { status: Number(status.split(' ')[1]), headers, body: body === '' ? null : JSON.parse(body) };
}

function expectProblem({ status, headers, body }: Answer, code: string): void {
  expect([status, body]).toEqual([
    status, expect.objectContaining({ code, status, type: `urn:gangway:problem:${code}`, correlation_id: headers['x-correlation-id'] }),
  ]);
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
}

const instance = await sharedInstance();

describe('the service', () => {
  const port = Number(new URL(instance.url).port);
  const get = (...lines: string[]): string => `${[`GET ${base}/flows/ HTTP/1.1`, ...lines, 'Connection: close', '', ''].join('\r\n')}`;

  test.each([
    ['a token of 16 KB', get('Host: x', `Authorization: Bearer ${'x'.repeat(headerBytes)}`), 431, 'headers_too_large'],
    ['an address of 16 KB', `GET /${'x'.repeat(headerBytes)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, 'headers_too_large'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n', 400, 'invalid_request'],
    ['a method that is none', `BRING ${base}/flows/ HTTP/1.1\r\nHost: x\r\n\r\n`, 400, 'invalid_request'],
    [
      'a body that is no body', `POST ${base}/sessions/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nthis is no length\r\n`,
      400, 'invalid_request',
    ],
    ['no host', get(), 400, 'invalid_request'],
    ['an expectation that nobody knows', get('Host: x', 'Expect: the unexpected'), 401, 'unauthenticated'],
  ])('%s is answered by the usual problem', async (_, request, status, code) => {
    const answer = read(await exchanged(port, (socket) => { socket.write(request); }));
    expect(answer.status).toBe(status);
    expectProblem(answer, code);
  });

  test('a token as large as fits is judged like any other', async () => {
    const answer = read(await exchanged(port, (socket) => {
      socket.write(get('Host: x', `Authorization: Bearer a.${'x'.repeat(headerBytes - 400)}.b`));
    }));
    expectProblem(answer, 'unauthenticated');
  });

  test('the answer to the request before on the same connection is whole', async () => {
    const { ana } = await cast(instance);
    expect((await ana.get('/flows/')).status).toBe(200);
    const text = await exchanged(port, (socket) => {
      socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\n\r\n`);
      socket.once('data', () => { socket.write('no HTTP\r\n\r\n'); });
    });
    const at = text.indexOf('HTTP/1.1', 1);
    expect(read(text.slice(0, at))).toMatchObject({ status: 200, body: { status: 'ok' } });
    expectProblem(read(text.slice(at)), 'invalid_request');
  });
});

describe('a server of its own', () => {
  const told: Unread[] = [];
  let server: Server;
  beforeAll(async () => {
    server = createServer(
      { headersTimeout: 50, requestTimeout: 100, connectionsCheckingInterval: 20 },
      (_, response) => { response.writeHead(200).write('begun'); },
    );
    answerClientErrors(server, (unread) => { told.push(unread); });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  });
  afterAll(() => { server.closeAllConnections(); server.close(); });
  const portOf = (): number => (server.address() as AddressInfo).port;

  test('a sender who is too slow is told so', async () => {
    const answer = read(await exchanged(portOf(), (socket) => { socket.write('GET / HTTP/1.1\r\nHost:'); }));
    expect(answer.status).toBe(408);
    expectProblem(answer, 'request_timeout');
    expect(told).toContainEqual({ status: 408, correlationId: answer.headers['x-correlation-id'] });
  });

  test('nothing is written into an answer that has begun', async () => {
    const before = told.length;
    const text = await exchanged(portOf(), (socket) => {
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
      socket.once('data', () => { socket.write('no length\r\n'); });
    });
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(text).not.toContain('urn:gangway');
    expect(told).toHaveLength(before);
  });
});
