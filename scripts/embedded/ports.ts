/** Ports of the embedded servers: the same at each start while they are free, so that open clients find them again. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { systemCode } from './plain-error.ts';

export const portNames = ['temporal', 'temporalUi', 'redis', 'postgres'] as const;
export type PortName = (typeof portNames)[number];
export type Ports = Readonly<Record<PortName, number>>;

/** Temporal's own defaults, so that its CLI and habits work on the first instance of a machine. */
const preferred: Partial<Record<PortName, number>> = { temporal: 7233, temporalUi: 8233 };

/** Ports for this folder: remembered, else preferred, else any free one. Remembers them in DATA/ports.json. */
export async function choosePorts(folder: string): Promise<Ports> {
  const path = join(folder, 'ports.json');
  const remembered = await readPorts(path);
  // All are held at once and let go together, so that no port is handed out twice.
  const held: Server[] = [];
  const chosen = { temporal: 0, temporalUi: 0, redis: 0, postgres: 0 };
  try {
    for (const name of portNames) {
      const server = await firstFree([remembered[name] ?? preferred[name] ?? 0, 0]);
      held.push(server);
      chosen[name] = portOf(server);
    }
  } finally {
    await Promise.all(held.map((server) => new Promise((done) => { server.close(done); })));
  }
  await writeFile(`${path}.new`, `${JSON.stringify(chosen)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return chosen;
}

/** Why a server could not listen there now, as the code of the system; null when it could. */
export async function listenFault(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, resolve);
    });
  } catch (error) {
    return systemCode(error) ?? String(error);
  }
  await new Promise((done) => { server.close(done); });
  return null;
}

async function firstFree(candidates: readonly number[]): Promise<Server> {
  for (const port of candidates) {
    const server = await listen('127.0.0.1', port);
    if (server) return server;
  }
  throw new Error('No free port on 127.0.0.1');
}

function listen(host: string, port: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => { resolve(server); });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A missing or damaged file only costs the memory of old ports. */
async function readPorts(path: string): Promise<Partial<Record<PortName, number>>> {
  const ports: Partial<Record<PortName, number>> = {};
  const text = await readFile(path, 'utf8').catch(() => '{}');
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    return ports;
  }
  for (const [name, port] of Object.entries(typeof stored === 'object' && stored !== null ? stored : {})) {
    const known = portNames.find((candidate) => candidate === name);
    if (known && typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536) ports[known] = port;
  }
  return ports;
}
