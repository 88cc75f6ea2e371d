/** Sending files by the resumable door. */
import { connect, type Socket } from 'node:net';
import { base, type Reply } from './person.ts';
import type { File, Sender } from './uploading.ts';

/** Whose session files go to. */
export interface Begun { readonly ana: Sender; readonly session: string }

export const tus = { 'tus-resumable': '1.0.0' };
export const base64 = (text: string): string => Buffer.from(text).toString('base64');

export function create({ ana, session }: Begun, file: File, headers: Record<string, string> = {}, kind = 'photo'): Promise<Reply> {
  return ana.raw(`/sessions/${session}/uploads/resumable/`, 'POST', {
    ...tus, 'upload-length': String(file.content.length),
    'upload-metadata': `filename ${base64(file.name)},filetype ${base64(file.type)},kind ${base64(kind)}`, ...headers,
  });
}

/** Below the base, as the answer to a creation says. Throws when it says nothing of the kind. */
export function addressOf({ status, headers }: Reply): string {
  const location = headers.get('location') ?? '';
  if (status !== 201 || !/^\/api\/v1\/onboarding\/sessions\/[^/]+\/uploads\/resumable\/[^/]+\/$/.test(location)) {
    throw new Error(`It was not begun: ${status}, '${location}'.`);
  }
  return location.slice(base.length);
}

export function patch(
  { ana }: Begun, at: string, offset: number, body: Uint8Array, headers: Record<string, string> = {},
): Promise<Reply> {
  return ana.raw(at, 'PATCH', {
    ...tus, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset), ...headers,
  }, body);
}

export async function offsetOf({ ana }: Begun, at: string): Promise<number> {
  return Number((await ana.raw(at, 'HEAD', tus)).headers.get('upload-offset'));
}

/** A PATCH that has sent so much, and no more. */
export async function openPatch({ ana }: Begun, at: string, offset: number, content: Uint8Array, bytes: number): Promise<Socket> {
  const { hostname, port } = new URL(ana.at);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => { socket.once('connect', resolve); });
  socket.write([
    `PATCH ${base}${at} HTTP/1.1`, `Host: ${hostname}`, `Authorization: Bearer ${ana.bearer}`, 'Tus-Resumable: 1.0.0',
    'Content-Type: application/offset+octet-stream', `Upload-Offset: ${offset}`, `Content-Length: ${content.length - offset}`, '', '',
  ].join('\r\n'));
  await new Promise<void>((resolve) => { socket.write(content.subarray(offset, offset + bytes), () => { resolve(); }); });
  return socket;
}
