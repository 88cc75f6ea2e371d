/** Temporal: connections, and the one place that knows what its errors mean. */
import { Client, Connection, isGrpcServiceError, ServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { KeyUnavailableError, SealBrokenError, type Sealer } from '../encryption/sealer.ts';
import { createPayloadCodec, openPayload, payloadsIn, sealedFor } from './payload-codec.ts';

export interface EngineOptions {
  readonly address: string;
  readonly namespace: string;
  readonly apiKey?: string | undefined;
  /** Seals what is sent and opens what comes back. Without it payloads stay as they are. */
  readonly sealer?: Sealer;
}

/** The engine cannot answer now, or it is unknown whether it did: repeat with the same id. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
  /** gRPC status; 9 = the workflow task that held the message failed and is being repeated. */
  readonly status: number | null;
  constructor(message: string, options: { readonly cause: unknown; readonly status?: number }) {
    super(message, { cause: options.cause });
    this.status = options.status ?? null;
  }
}

/** There is no open run of this workflow: it never was, has ended, or is past retention. */
export class NoOpenRunError extends Error {
  override readonly name = 'NoOpenRunError';
}

export async function connectEngine(options: EngineOptions): Promise<{ client: Client; connection: Connection }> {
  const connection = await Connection.connect({
    address: options.address, connectTimeout: '10s', ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey, tls: true }),
  });
  // failures come back readable by the SDK's own converter, and a client sends none: only the worker needs ours
  const dataConverter = options.sealer === undefined ? {} : { payloadCodecs: [createPayloadCodec(options.sealer)] };
  return { client: new Client({ connection, namespace: options.namespace, dataConverter }), connection };
}

/** Longest look for a missing key, milliseconds, and the most pages of history read for it. */
const keySearch = { timeoutMs: 500, maxPages: 20 } as const;

/**
 * Why a workflow cannot go on, when it is a key that its history needs and that is not configured (or another key under the
 * same id); null when it is not that or the engine cannot tell. Reads the newest run, each key id once.
 */
export async function missingKeyOf(client: Client, workflowId: string, sealer: Sealer): Promise<KeyUnavailableError | SealBrokenError | null> {
  const seen = new Set<string>();
  let nextPageToken = new Uint8Array();
  try {
    for (let page = 0; page < keySearch.maxPages; page += 1) {
      const token = nextPageToken;
      const { history, nextPageToken: next } = await client.withDeadline(Date.now() + keySearch.timeoutMs, async () => client.workflowService.getWorkflowExecutionHistory({
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

/** Keyword attributes only: what sessions are filtered by. */
const keyword = 2;

/**
 * Registers search attributes and verifies them, at every start: on an existing database the server's own flag is ignored,
 * and a name that is known with another type is neither an error nor a change (engine-crash 4).
 */
export async function registerSearchAttributes(connection: Connection, namespace: string, names: readonly string[]): Promise<void> {
  const operator = connection.operatorService;
  await operator.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(names.map((name) => [name, keyword])) }).catch((error: unknown) => {
    // already there, or not ours to register (a managed cluster): what counts is what is there
    if (!isGrpcServiceError(error)) throw error;
  });
  const { customAttributes } = await operator.listSearchAttributes({ namespace });
  const wrong = names.filter((name) => customAttributes?.[name] !== keyword);
  if (wrong.length > 0) throw new Error(`Temporal namespace ${namespace} needs the search attributes ${wrong.join(', ')} of type Keyword. Register them, then start again.`);
}

/** Runs calls under a deadline and turns what the engine throws into our errors; an ApplicationFailure comes out as it is. */
export async function callEngine<T>(client: Client, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + timeoutMs, work);
  } catch (error) {
    throw engineError(error);
  }
}

function engineError(error: unknown): unknown {
  const sealing = causeOf(error, (cause) => cause instanceof KeyUnavailableError || cause instanceof SealBrokenError);
  if (sealing !== null) return sealing;
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) return error.cause;
  // 1 and 4: unknown whether it counted
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return new EngineUnavailableError('The engine did not answer in time.', { cause: error });
  if (error instanceof WorkflowNotFoundError) return new NoOpenRunError(error.message, { cause: error });
  if (isGrpcServiceError(error)) return grpcError(error, error.code);
  const cause = error instanceof Error ? error.cause : undefined;
  if (isGrpcServiceError(cause)) return grpcError(error, cause.code);
  if (error instanceof ServiceError) return new EngineUnavailableError('The engine cannot be reached.', { cause: error });
  return error;
}

function causeOf(error: unknown, wanted: (cause: Error) => boolean): Error | null {
  let cause = error;
  for (let depth = 0; cause instanceof Error && depth < 10; depth += 1) {
    if (wanted(cause)) return cause;
    cause = cause.cause;
  }
  return null;
}

/** 5 = not found; 1, 4, 8, 9, 14 and the rest = the engine's trouble, never the caller's. */
function grpcError(error: unknown, code: number): unknown {
  // 3 = we sent nonsense: a fault of ours that must not hide behind a 503
  if (code === 3) return error;
  if (code === 5) return new NoOpenRunError('There is no such workflow.', { cause: error });
  return new EngineUnavailableError(`The engine answered with gRPC status ${code}.`, { cause: error, status: code });
}
