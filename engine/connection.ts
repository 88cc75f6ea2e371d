/** Connections to Temporal, and the search attributes that it has to know. */
import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import type { Sealer } from '../encryption/sealer.ts';
import { createPayloadCodec } from './payload-codec.ts';

export interface EngineOptions {
  readonly address: string;
  readonly namespace: string;
  readonly apiKey?: string | undefined;
  /** Seals what is sent and opens what comes back. Without it payloads stay as they are. */
  readonly sealer?: Sealer;
}

export interface Engine {
  readonly client: Client;
  /** Asks no workflow that was ended from outside: it would answer as if it still ran. */
  readonly openClient: Client;
  readonly connection: Connection;
}

/** A page of the history of a session at its most: with gRPC's own 4 MB nobody could look into it. */
const receivedBytesMax = 32 * 1_024 * 1_024;

export async function connectEngine(options: EngineOptions): Promise<Engine> {
  const connection = await Connection.connect({
    address: options.address, connectTimeout: '10s', channelArgs: { 'grpc.max_receive_message_length': receivedBytesMax },
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey, tls: true }),
  });
  // failures come back readable by the SDK's own converter, and a client sends none: only the worker needs ours
  const dataConverter = options.sealer === undefined ? {} : { payloadCodecs: [createPayloadCodec(options.sealer)] };
  const settings = { connection, namespace: options.namespace, dataConverter };
  return {
    client: new Client(settings), openClient: new Client({ ...settings, workflow: { queryRejectCondition: 'NOT_COMPLETED_CLEANLY' } }),
    connection,
  };
}

/** Whether the engine answers at all within that time. Rejects when it does not. */
export async function engineAnswers(connection: Connection, patienceMs: number): Promise<boolean> {
  await connection.withDeadline(Date.now() + patienceMs, () => connection.workflowService.getSystemInfo({}));
  return true;
}

/** Keyword attributes only: what sessions are filtered by. */
const keyword = 2;

/**
 * Registers search attributes and verifies them, at every start: on an existing database the server's own flag is ignored,
 * and a name that is known with another type is neither an error nor a change: filters on it then find nothing.
 */
export async function registerSearchAttributes(connection: Connection, namespace: string, names: readonly string[]): Promise<void> {
  const operator = connection.operatorService;
  await operator.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(names.map((name) => [name, keyword])) })
    .catch((error: unknown) => {
    // already there, or not ours to register (a managed cluster): what counts is what is there
    if (!isGrpcServiceError(error)) throw error;
  });
  const { customAttributes } = await operator.listSearchAttributes({ namespace });
  const wrong = names.filter((name) => customAttributes?.[name] !== keyword);
  if (wrong.length > 0) {
    throw new Error(
      `Temporal namespace ${namespace} needs the search attributes ${wrong.join(', ')} of type Keyword. Register them, then start again.`,
    );
  }
}
