/** Sending files as clients do, and as they should not. */
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Role } from '../../domain/message.ts';
import { jpeg, png, withJpegComment, withPngChunk } from './files/pictures.ts';
import type { InstanceAddress } from './instance.ts';
import { base, Person, tokenFor, type Body, type Reply } from './person.ts';
import { until } from './until.ts';

export interface File { readonly content: Uint8Array; readonly name: string; readonly type: string }

export interface Sending {
  readonly kind?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Sender extends Person {
  readonly bearer: string;
  readonly at: string;

  constructor(url: string, tenant: string, subject: string, token: string) {
    super(url, tenant, subject, token);
    this.bearer = token;
    this.at = url;
  }

  async send(sessionId: string, file: File, sending: Sending = {}): Promise<Reply> {
    const { kind = 'photo', fields = {}, query = `?kind=${kind}`, headers = {} } = sending;
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append('file', new Blob([Uint8Array.from(file.content)], { type: file.type }), file.name);
    const response = await fetch(`${this.at}${base}/sessions/${sessionId}/uploads/${query}`, {
      method: 'POST', body: form, headers: { authorization: `Bearer ${this.bearer}`, ...headers },
    });
    return { status: response.status, headers: response.headers, body: await response.json() as Body };
  }

  /** Any body, by hand. */
  async raw(path: string, method: string, headers: Readonly<Record<string, string>>, body?: Uint8Array): Promise<Reply> {
    const response = await fetch(`${this.at}${base}${path}`, {
      method, headers: { authorization: `Bearer ${this.bearer}`, ...headers },
      ...(body === undefined ? {} : { body: Uint8Array.from(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) as Body : text };
  }
}

export async function sender(instance: InstanceAddress, tenant: string, subject: string, ...roles: Role[]): Promise<Sender> {
  return new Sender(instance.url, tenant, subject, await tokenFor(instance, tenant, subject, roles));
}

/** Another content each time. */
export async function photo(): Promise<File> {
  return { content: withJpegComment(await jpeg(), randomUUID()), name: 'photo.jpg', type: 'image/jpeg' };
}

/** A whole picture of exactly so many bytes, another each time. */
export async function photoOf(bytes: number): Promise<File> {
  const small = await png();
  const padding = bytes - small.length - 12;
  return { content: withPngChunk(small, 'tEXt', `${randomUUID()}\0`.padEnd(padding, 'x')), name: 'large.png', type: 'image/png' };
}

const boundary = 'b-0123456789';
/** What a form has behind its file. */
export const endOfForm = `\r\n--${boundary}--\r\n`;

/** A form that is on its way: some of its bytes are sent, and no more. */
export async function openUpload(who: Sender, sessionId: string, file: File, sentBytes: number): Promise<Socket> {
  const disposition = `Content-Disposition: form-data; name="file"; filename="${file.name}"`;
  const head = `--${boundary}\r\n${disposition}\r\nContent-Type: ${file.type}\r\n\r\n`;
  const { hostname, port } = new URL(who.at);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => { socket.once('connect', resolve); });
  socket.write([
    `POST ${base}/sessions/${sessionId}/uploads/?kind=photo HTTP/1.1`, `Host: ${hostname}`, `Authorization: Bearer ${who.bearer}`,
    `Content-Type: multipart/form-data; boundary=${boundary}`,
    `Content-Length: ${head.length + file.content.length + endOfForm.length}`, '', head,
  ].join('\r\n'));
  socket.write(file.content.subarray(0, sentBytes));
  return socket;
}

/** Files below a folder, however deep. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** The uploads of a session that have files, by the names of these; and whatever is half there. */
export async function uploadsOnDisk(folder: string, sessionId: string): Promise<string[]> {
  const found = (await filesBelow(folder)).flatMap((path) => {
    const parts = path.split('/');
    if (parts.includes('incoming')) return ['half'];
    return parts.includes(sessionId) ? [parts.at(-3) ?? ''] : [];
  });
  return [...new Set(found)].sort();
}

/** As clients do that were told to come back. */
export async function sentInTime(send: () => Promise<Reply>, status = 201): Promise<Reply> {
  let reply = await send();
  await until(`it is ${status}`, async () => {
    if (reply.status === status) return true;
    reply = await send();
    return reply.status === status;
  });
  return reply;
}
