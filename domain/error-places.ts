/** Which system an error comes from, told by the marks that its driver leaves on it. */
import type { Fields } from './error-fields.ts';

/** Where something went wrong. `temporal`: the engine; `external`: somebody else's system that is not a model. */
export type ErrorPlace = 'postgresql' | 'redis' | 'clickhouse' | 'temporal' | 'llm' | 'external';

/** Classes of this product, and those that only one driver has. */
const classes = new Map<string, ErrorPlace>(Object.entries({
  ModelCallError: 'llm', ModelBudgetError: 'llm', ChangeTargetError: 'external', OutgoingRequestError: 'external',
  EngineUnavailableError: 'temporal',
  DatabaseError: 'postgresql', ReplyError: 'redis', MaxRetriesPerRequestError: 'redis', ClusterAllFailedError: 'redis',
  ClickHouseError: 'clickhouse',
  ServiceError: 'temporal', WorkflowUpdateRPCTimeoutOrCancelledError: 'temporal', TransportError: 'temporal',
  APIConnectionError: 'llm', APIConnectionTimeoutError: 'llm', APIUserAbortError: 'llm', RateLimitError: 'llm', InternalServerError: 'llm',
}));

/** Where the servers listen unless told otherwise: all that a refused connection says of them. */
const ports = new Map<number, ErrorPlace>([
  [5432, 'postgresql'], [6379, 'redis'], [8123, 'clickhouse'], [8443, 'clickhouse'], [9000, 'clickhouse'], [7233, 'temporal'],
]);

const breakers = new Map<string, ErrorPlace>([
  ['model', 'llm'], ['change_target', 'external'], ['event_delivery', 'external'], ['limiter', 'redis'],
]);

/** Whole sentences of drivers that throw a plain Error without a code. */
const sentences: readonly (readonly [ErrorPlace, RegExp])[] = [
  [
    'postgresql',
    /^(?:Connection terminated(?: unexpectedly| due to connection timeout)?|timeout exceeded when trying to connect|timeout expired|Query read timeout)$/,
  ],
  ['postgresql', /^(?:Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)\b/],
  ['redis', /^(?:Connection is closed\.|Command timed out)$/],
  [
    'redis',
    /^(?:Stream isn't writeable|Socket timeout\. Expecting data|All sentinels are unreachable|Failed to refresh slots cache|Connection in subscriber mode)/,
  ],
  ['temporal', /^Failed to connect before the deadline$/],
  ['clickhouse', /^(?:Code: \d{1,4}\. )?DB::Exception: |^Code: \d{1,4}\. DB::/],
];

export function placeOf(
  { name, message, fields }: { readonly name: string; readonly message: string; readonly fields: Fields },
): ErrorPlace | undefined {
  const store = fields.text('store');
  if (store === 'postgresql' || store === 'redis' || store === 'clickhouse') return store;
  const known = classes.get(name) ?? breakers.get(fields.text('breaker') ?? '');
  if (known !== undefined) return known;
  // the only gRPC there is; `errorno` is how ioredis spells it; OpenAI's clients keep the id of the request
  if (fields.integer('code') !== undefined && fields.get('metadata') !== undefined && typeof fields.get('details') === 'string') {
    return 'temporal';
  }
  if (fields.get('errorno') !== undefined) return 'redis';
  if (fields.text('severity') !== undefined && /^[0-9A-Z]{5}$/.test(fields.text('code') ?? '')) return 'postgresql';
  if (fields.get('requestID') !== undefined) return 'llm';
  return placeOfPort(fields) ?? placeOfSentence(message);
}

export function placeOfSentence(message: string): ErrorPlace | undefined {
  return sentences.find(([, pattern]) => pattern.test(message))?.[0];
}

function placeOfPort(fields: Fields): ErrorPlace | undefined {
  return fields.text('syscall') === 'connect' ? ports.get(fields.integer('port') ?? 0) : undefined;
}
