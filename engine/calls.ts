/** Calls to Temporal: their deadlines, what its errors mean, repeats within a deadline, and refusals in our words. */
import {
  isGrpcServiceError, QueryRejectedError, ServiceError,
  WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, type Client,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { MessageRejected, rejections, type Mistake, type Rejection } from '../domain/message.ts';
import { KeyUnavailableError, SealBrokenError } from '../encryption/sealer.ts';

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
  override readonly name: string = 'NoOpenRunError';
}

/** Its newest run was ended from outside: terminated, timed out, failed. */
export class StoppedRunError extends NoOpenRunError {
  override readonly name = 'StoppedRunError';
}

/** Runs calls under a deadline and turns what the engine throws into our errors; an ApplicationFailure comes out as it is. */
export async function callEngine<T>(client: Client, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + timeoutMs, work);
  } catch (error) {
    throw engineError(error);
  }
}

/** Of an Update whose workflow ended before it: the server's own name. */
const endedMeanwhile = 'AcceptedUpdateCompletedWorkflow';

function engineError(error: unknown): unknown {
  const sealing = causeOf(error, (cause) => cause instanceof KeyUnavailableError || cause instanceof SealBrokenError);
  if (sealing !== null) return sealing;
  if (error instanceof QueryRejectedError) return new StoppedRunError('This workflow was ended from outside.', { cause: error });
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    // the run ended with the message in it; whether it counted is seen in what came after
    if (error.cause.type === endedMeanwhile) return new NoOpenRunError(error.message, { cause: error });
    return error.cause;
  }
  // 1 and 4: unknown whether it counted
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
    return new EngineUnavailableError('The engine did not answer in time.', { cause: error });
  }
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

/** Between tries of a message whose workflow task failed. */
const pauseMs = 40;

/**
 * A workflow task can fail through no fault of the message in it, for example when an activity ends just as the session
 * continues as a new run. The same message with the same id then gets through: it is repeated here within the deadline,
 * so that no person has to.
 */
export async function repeated<T>(timeoutMs: number, work: (leftMs: number) => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let tries = 1; ; tries += 1) {
    try {
      return await work(deadline - performance.now());
    } catch (error) {
      const again = error instanceof EngineUnavailableError && error.status === 9;
      if (!again || performance.now() + tries * pauseMs >= deadline) throw error;
      await new Promise((resolve) => { setTimeout(resolve, tries * pauseMs); });
    }
  }
}

/** What a workflow refused, or null for any other failure. */
export function rejection(error: unknown): MessageRejected | null {
  if (!(error instanceof ApplicationFailure)) return null;
  const code = rejections.find((known): known is Rejection => known === error.type);
  return code === undefined ? null : new MessageRejected(code, error.message, (error.details?.[0] ?? []) as Mistake[]);
}
