/** A file by the resumable door (tus 1.0), in parts: what has come stays when the line breaks. */
import { RequestProblem } from '../client/problem.ts';
import type { Request } from '../client/request.ts';

const version = { 'Tus-Resumable': '1.0.0' };
/** Of one part, as the service keeps them: a broken line costs less than one. */
const partBytes = 1_048_576;

export interface Sending {
  /** Fresh for each file, so that beginning again is beginning once. */
  readonly id: string;
  readonly file: File;
  /** It may have been begun. */
  readonly isAgain: boolean;
}

export function kindOf({ type }: File): 'photo' | 'voice' | 'document' {
  return type.startsWith('image/') ? 'photo' : type.startsWith('audio/') ? 'voice' : 'document';
}

/** Goes on from where it is. `onSent` gets bytes. Returns the upload that it became; throws RequestProblem, or an AbortError. */
export async function send(
  request: Request, sessionId: string, { id, file, isAgain }: Sending, signal: AbortSignal, onSent: (bytes: number) => void,
): Promise<string> {
  const path = `/sessions/${sessionId}/uploads/resumable`;
  let offset = isAgain ? await offsetOf(request, `${path}/${id}/`, signal) : null;
  if (offset === null) {
    const metadata = Object.entries({ filename: file.name, filetype: file.type, kind: kindOf(file), upload_id: id });
    await request('POST', `${path}/`, {
      signal, headers: {
        ...version, 'Upload-Length': String(file.size), 'Upload-Metadata': metadata.map(([name, text]) => `${name} ${base64(text)}`).join(),
      },
    });
    offset = 0;
  }
  let became = id;
  while (offset < file.size) {
    onSent(offset);
    const { headers }: { readonly headers: Headers } = await request('PATCH', `${path}/${id}/`, {
      signal, bytes: file.slice(offset, offset + partBytes),
      headers: { ...version, 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(offset) },
    });
    offset = Number(headers.get('upload-offset'));
    became = headers.get('content-location')?.split('/').findLast((part: string) => part !== '') ?? became;
  }
  onSent(file.size);
  return became;
}

/** null: it was not begun. */
async function offsetOf(request: Request, path: string, signal: AbortSignal): Promise<number | null> {
  try {
    return Number((await request('HEAD', path, { signal, headers: version })).headers.get('upload-offset'));
  } catch (error) {
    if (error instanceof RequestProblem && error.status === 404) return null;
    throw error;
  }
}

/** Gives it up: what has come is deleted. One that is whole, or was never begun, is left as it is. */
export async function giveUp(request: Request, sessionId: string, { id }: Sending): Promise<void> {
  await request('DELETE', `/sessions/${sessionId}/uploads/resumable/${id}/`, { headers: version }).catch(() => undefined);
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
