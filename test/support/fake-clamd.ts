/** Somebody at the other end of clamd's protocol who says whatever a test wants. */
import { createServer, type AddressInfo, type Socket } from 'node:net';

export interface FakeClamd {
  readonly url: string;
  /** The last stream, as it came. */
  readonly received: () => Buffer;
  close(): Promise<void>;
}

/** `then`: once a whole stream was taken; with `at` 'once' as soon as somebody is there, without listening. */
export async function fakeClamd(
  then: (socket: Socket, received: Buffer) => void, at: 'end' | 'once' = 'end', path?: string,
): Promise<FakeClamd> {
  let received: Buffer = Buffer.alloc(0);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let own: Buffer = Buffer.alloc(0);
    let answered = false;
    sockets.add(socket.on('error', () => undefined));
    if (at === 'once') {
      then(socket, own);
      return;
    }
    socket.on('data', (data) => {
      own = Buffer.concat([own, data]);
      received = own;
      if (answered || !own.subarray(-4).equals(Buffer.alloc(4))) return;
      answered = true;
      then(socket, own);
    });
  });
  await new Promise<void>((resolve) => { server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path }, resolve); });
  return {
    url: path === undefined ? `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix://${path}`,
    received: () => received,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => { server.close(resolve); });
    },
  };
}
