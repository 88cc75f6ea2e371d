/**
 * Keeps the instances that test files share, in Jest's own process: each is started when somebody first asks for it, whichever
 * worker that is in, and all of them are stopped at the end. Asked over HTTP (shared.ts):
 *
 * GET /NAME           where it is, once it runs
 * GET /NAME/output    what it has printed so far
 * GET /NAME/lease     the same as /NAME when it is the caller's turn, who has it until the connection closes. `?to=PORT`: the
 *                     caller's receiver, to which the instance's own port leads meanwhile
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createRelay, type AddressInfo, type Server } from 'node:net';
import { newFolder } from './folders.ts';
import { discard, killGroup, startInstance, type Instance } from './instance.ts';
import { isProfileName, profiles, type Profile } from './profiles.ts';

export interface Keeper {
  readonly url: string;
  /** Throws when an instance has not ended cleanly. */
  stop(): Promise<void>;
}

export async function startKeeper(): Promise<Keeper> {
  const kept = new Map<string, Kept>();
  const server = createServer((request, response) => {
    answer(kept, request, response).catch((error: unknown) => { response.writeHead(500).end(String(error)); });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const end = (): void => { for (const shared of kept.values()) shared.kill(); };
  process.on('exit', end);
  // interrupted: what was started is ended as well
  for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15]] as const) process.once(signal, () => { process.exit(128 + number); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      const codes = await Promise.all([...kept].map(async ([name, shared]) => [name, await shared.stop()] as const));
      process.off('exit', end);
      server.close();
      server.closeAllConnections();
      const unclean = codes.filter(([, code]) => code !== 0 && code !== undefined);
      if (unclean.length > 0) {
        throw new Error(`Shared instances did not end cleanly: ${unclean.map(([name, code]) => `${name} with ${code}`).join(', ')}.`);
      }
    },
  };
}

async function answer(all: Map<string, Kept>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://keeper');
  const [name = '', what] = pathname.slice(1).split('/');
  if (!isProfileName(name)) throw new Error(`There is no profile ${name} among ${Object.keys(profiles).join(', ')}.`);
  if (what !== 'output' && (what === 'lease') !== profiles[name].isLeased) {
    throw new Error(`${name} is ${profiles[name].isLeased ? 'had by one file after the other' : 'shared by all'}.`);
  }
  const kept = all.get(name) ?? new Kept(profiles[name]);
  all.set(name, kept);
  if (what === 'output') return void response.end((await kept.running()).output());
  const end = what === 'lease' ? await kept.lease(Number(searchParams.get('to'))) : null;
  if (end !== null) response.on('close', end);
  // who waited for a turn may have gone meanwhile
  if (end !== null && response.destroyed) end();
  const { url, folder, pid } = await kept.running();
  response.writeHead(200, { 'content-type': 'application/json' });
  const address = `${JSON.stringify({ url, folder, pid })}\n`;
  if (end === null) response.end(address);
  else response.write(address);
  return undefined;
}

/** One of them. */
class Kept {
  private readonly profile: Profile;
  private starting: Promise<Instance> | undefined;
  private instance: Instance | undefined;
  private relay: Server | undefined;
  /**
   * What is told while it is nobody's turn comes to a receiver that takes everything: refusals would shut a breaker for whoever is next.
   * Each time anew, so that no connection to it outlasts that.
   */
  private readonly nobody = createServer((request, response) => {
    request.resume().once('end', () => { response.writeHead(204, { connection: 'close' }).end(); });
  });
  private receiver = 0;
  private turn: Promise<void> = Promise.resolve();

  constructor(profile: Profile) {
    this.profile = profile;
  }

  /** One that could not start is not tried again: everybody is told the same. */
  running(): Promise<Instance> {
    this.starting ??= this.start();
    return this.starting;
  }

  /** Resolves when it is the caller's turn, to what ends it. */
  async lease(receiver: number): Promise<() => void> {
    const before = this.turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.turn = promise;
    await before;
    this.receiver = receiver;
    return () => {
      this.receiver = 0;
      resolve();
    };
  }

  /** Exit code; undefined: it never started. */
  async stop(): Promise<number | null | undefined> {
    const instance = await this.starting?.catch(() => undefined);
    const code = await instance?.stop();
    await discard(instance);
    this.relay?.close();
    this.nobody.close();
    return code;
  }

  kill(): void {
    if (this.instance !== undefined) killGroup(this.instance.child);
  }

  private async start(): Promise<Instance> {
    this.instance = await startInstance(await newFolder(), this.profile.settings(await this.openRelay()));
    return this.instance;
  }

  /** A port that stays ours while receivers come and go. */
  private async openRelay(): Promise<number> {
    await new Promise<void>((resolve) => { this.nobody.listen(0, '127.0.0.1', resolve); });
    const { port: nobodys } = this.nobody.address() as AddressInfo;
    const relay = createRelay((near) => {
      const far = connect(this.receiver === 0 ? nobodys : this.receiver, '127.0.0.1');
      for (const [socket, other] of [[near, far], [far, near]] as const) {
        socket.on('error', () => undefined).on('close', () => { other.destroy(); }).pipe(other);
      }
    });
    this.relay = relay;
    await new Promise<void>((resolve) => { relay.listen(0, '127.0.0.1', resolve); });
    return (relay.address() as AddressInfo).port;
  }
}
