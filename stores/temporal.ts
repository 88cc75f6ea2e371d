/** Temporal: connections, and the one place that knows what its errors mean. */
import { Client, Connection, isGrpcServiceError, ServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

export interface EngineOptions { readonly address: string; readonly namespace: string; readonly apiKey?: string | undefined }

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
  return { client: new Client({ connection, namespace: options.namespace }), connection };
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

/** 5 = not found; 1, 4, 8, 9, 14 and the rest = the engine's trouble, never the caller's. */
function grpcError(error: unknown, code: number): unknown {
  // 3 = we sent nonsense: a fault of ours that must not hide behind a 503
  if (code === 3) return error;
  if (code === 5) return new NoOpenRunError('There is no such workflow.', { cause: error });
  return new EngineUnavailableError(`The engine answered with gRPC status ${code}.`, { cause: error, status: code });
}
