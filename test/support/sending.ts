/** Uploads as a browser's form sends them. */
import { developmentCodecKeys } from '../../scripts/embedded/secrets.ts';
import { createSealer, readCodecKeys } from '../../encryption/sealer.ts';
import { connectEngine } from '../../engine/connection.ts';
import type { UploadKind } from '../../domain/upload.ts';
import type { InstanceAddress } from './instance.ts';
import { runFileOf } from './instance-stores.ts';
import type { Body, Person, Reply } from './person.ts';
import { until } from './until.ts';

export interface SentFile {
  readonly kind: UploadKind;
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export async function sendFile(who: Person, sessionId: string, { kind, name, type, bytes }: SentFile, uploadId?: string): Promise<Reply> {
  const form = new FormData();
  form.set('kind', kind);
  if (uploadId !== undefined) form.set('upload_id', uploadId);
  form.set('file', new Blob([bytes], { type }), name);
  return who.call('POST', `/sessions/${sessionId}/uploads/`, undefined, { raw: form });
}

export function photo(bytes: Buffer, name = 'entrance.jpg'): SentFile {
  return { kind: 'photo', name, type: 'image/jpeg', bytes: new Uint8Array(bytes) };
}

/** The upload once its verdict is there. */
export async function judged(who: Person, sessionId: string, uploadId: string): Promise<Body> {
  let upload: Body;
  await until(`upload ${uploadId} has its verdict`, async () => {
    upload = (await who.get(`/sessions/${sessionId}/uploads/${uploadId}/`)).body;
    return upload.status !== 'quarantined';
  });
  return upload;
}

/** The engine of an instance, for tests that look behind the API. */
export async function engineOf(instance: InstanceAddress) {
  const { urls } = await runFileOf(instance);
  const sealer = createSealer(readCodecKeys(await developmentCodecKeys(instance.folder)));
  return connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer });
}
