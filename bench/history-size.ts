/** How large histories are at the engine, and how large they would be had their payloads been sealed as they are, not compressed. */
import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { Sealer } from '../encryption/sealer.ts';
import { openPayload, payloadsIn, sealedFor } from '../engine/payload-codec.ts';

export interface HistorySize { readonly bytes: number; readonly uncompressed: number }

export async function historySize(client: Client, sealer: Sealer, workflowId: string): Promise<HistorySize> {
  const handle = client.workflow.getHandle(workflowId);
  const { raw } = await handle.describe();
  const bytes = Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0);
  let saved = 0;
  for (const payload of payloadsIn(await handle.fetchHistory())) {
    if (sealedFor(payload) !== null) saved += sealedWhole(sealer, payload) - (payload.data?.length ?? 0);
  }
  return { bytes, uncompressed: bytes + saved };
}

/** The length of a payload's envelope with the whole data in it: length of the metadata, metadata as JSON of base64, data. */
function sealedWhole(sealer: Sealer, payload: Payload): number {
  const { metadata, data } = openPayload(sealer, payload);
  const names = Object.entries(metadata ?? {}).map(([name, value]): [string, string] => [name, Buffer.from(value).toString('base64')]);
  const whole = 4 + JSON.stringify(Object.fromEntries(names)).length + (data?.length ?? 0);
  return sealer.seal(new Uint8Array(whole), '').length;
}
