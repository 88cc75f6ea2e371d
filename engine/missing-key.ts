/** Why a session is silent: a key that its history needs and that is not configured. */
import { isGrpcServiceError, type Client } from '@temporalio/client';
import { KeyUnavailableError, SealBrokenError, type Sealer } from '../encryption/sealer.ts';
import { openPayload, payloadsIn, sealedFor } from './payload-codec.ts';

/** Longest look for a missing key, milliseconds, and the most pages of history read for it. */
const keySearch = { timeoutMs: 500, maxPages: 20 } as const;

/**
 * Why a workflow cannot go on, when it is a key that its history needs and that is not configured (or another key under the
 * same id); null when it is not that or the engine cannot tell. Reads the newest run, each key id once.
 */
export async function missingKeyOf(
  client: Client, workflowId: string, sealer: Sealer,
): Promise<KeyUnavailableError | SealBrokenError | null> {
  const seen = new Set<string>();
  let nextPageToken = new Uint8Array();
  try {
    for (let page = 0; page < keySearch.maxPages; page += 1) {
      const token = nextPageToken;
      const { history, nextPageToken: next } = await client.withDeadline(Date.now()
        + keySearch.timeoutMs, async () => client.workflowService.getWorkflowExecutionHistory({
        namespace: client.options.namespace, execution: { workflowId }, nextPageToken: token,
      }));
      for (const payload of payloadsIn(history?.events)) {
        const sealed = sealedFor(payload);
        if (sealed === null || seen.has(sealed.keyId)) continue;
        seen.add(sealed.keyId);
        openPayload(sealer, payload);
      }
      if (next == null || next.length === 0) return null;
      nextPageToken = new Uint8Array(next);
    }
  } catch (error) {
    if (error instanceof KeyUnavailableError || error instanceof SealBrokenError) return error;
    if (!isGrpcServiceError(error)) throw error;
  }
  return null;
}
