/** What the structured part of an error says of its kind: one rule for each sort of evidence, with the table it reads. */
import { errorCategories, type ErrorCategory } from './error-category.ts';
import type { ErrorEvidence } from './error-evidence.ts';
import type { ErrorPlace } from './error-places.ts';

/** `lasting`: another try cannot help, whatever the category says. */
export interface Match { readonly category: ErrorCategory; readonly by: string; readonly lasting?: boolean }
export type Rule = (evidence: ErrorEvidence, place: ErrorPlace | undefined) => Match | null;
type Table = ReadonlyMap<string, ErrorCategory>;

/** `{category: 'words that belong to it'}` */
function tableOf(rows: Readonly<Partial<Record<ErrorCategory, string>>>): Table {
  return new Map(
    errorCategories.flatMap((category) => (rows[category] ?? '').split(' ').filter((word) => word !== '').map((word) => [word, category])),
  );
}

const ofPlace: Readonly<Record<ErrorPlace, ErrorCategory>> = {
  postgresql: 'database', clickhouse: 'database', redis: 'cache', temporal: 'network', llm: 'llm_api', external: 'external_api',
};

/** The category of the place, or `else_`. */
function placed(by: string, place: ErrorPlace | undefined, else_: ErrorCategory): Match {
  return place === undefined ? { category: else_, by } : { category: ofPlace[place], by: `${by} at ${place}` };
}

/** A failure whose type is a category: it was judged before, by whoever threw it. */
const byCategory: Rule = ({ name, kind }) => {
  if (name !== 'ApplicationFailure') return null;
  const category = errorCategories.find((errorCategory) => errorCategory === kind);
  return category === undefined ? null : { category, by: `type ${category}` };
};

/** 408, 409, 425, 429 and the server's own faults pass. */
function passes(status: number): boolean {
  return [408, 409, 425, 429].includes(status) || (status >= 500 && status !== 501 && status !== 505);
}
const refusals: Table = tableOf({
  authorization: '401 403 407', state_transition: '412 423', validation: '400 404 405 406 410 411 413 414 415 416 421 422 431',
});
const quotas = new Set([
  'insufficient_quota', 'context_length_exceeded', 'content_filter', 'content_policy_violation', 'billing_hard_limit_reached',
]);

const byStatus: Rule = ({ status, kind, code }, place) => {
  if (status === undefined) return null;
  const by = `HTTP ${status}`;
  const word = [code, kind].find((item) => item !== undefined && quotas.has(item));
  if (word !== undefined) return { ...placed(`${by} ${word}`, place, 'llm_api'), lasting: true };
  if (passes(status)) return placed(by, place, 'external_api');
  const refusal = refusals.get(String(status)) ?? 'external_api';
  // what a model or another system refuses is their business with us, but for the right to ask
  return refusal === 'authorization' || place === undefined ? { category: refusal, by, lasting: true } : {
    ...placed(by, place, refusal), lasting: true,
  };
};

/** Kinds of errors of ours that another try cannot mend. */
const lastingKinds = new Set(['refused', 'wrong_answer', 'closed_address', 'too_large', 'time', 'memory']);
const ownClasses: Table = tableOf({
  llm_api: 'ModelCallError ModelBudgetError', external_api: 'ChangeTargetError OutgoingRequestError',
  data_integrity: 'KeyUnavailableError SealBrokenError SchemaMismatchError',
  network: 'EngineUnavailableError', database: 'StoreLimitError', state_transition: 'MessageRejected NoOpenRunError',
  validation: 'ZodError $ZodError ExpressionError ConfigurationError FlowFilesError ClosedAddressError',
});
const byOwnClass: Rule = (evidence, place) => {
  const { name, kind, code, status } = evidence;
  if (name === 'StoreUnavailableError' || name === 'StoreBusyError') return placed(`class ${name}`, place, 'database');
  const category = ownClasses.get(name);
  if (category === undefined) return null;
  const words = [kind, code].filter((word) => word !== undefined);
  const match = { category, by: ['class', name, ...words].join(' '), lasting: words.some((word) => lastingKinds.has(word)) };
  const answered = byStatus({ ...evidence, kind: '', code: '' }, place);
  return answered === null ? match : {
    ...match, category: answered.category, by: `${match.by} HTTP ${status}`, lasting: match.lasting || answered.lasting === true,
  };
};

/** PostgreSQL: a SQLSTATE by itself, else by its class. */
const states: Table = tableOf({ authorization: '42501', validation: '22P02 22007 22008', data_integrity: '55000' });
const stateClasses: Table = tableOf({
  database: '08 25 40 53 55 57 58', validation: '22 54', data_integrity: '0A 21 23 24 26 34 3D 3F 42 44 P0 XX', authorization: '28',
});
const bySqlState: Rule = ({ code }, place) => {
  if (place !== 'postgresql' || code === undefined || !/^[0-9A-Z]{5}$/.test(code) || /^E[A-Z]+$/.test(code)) return null;
  const category = states.get(code) ?? stateClasses.get(code.slice(0, 2)) ?? 'database';
  return { category, by: `SQLSTATE ${code}` };
};

/** Redis begins its replies with a word in capitals. */
const replies: Table = tableOf({
  data_integrity: 'WRONGTYPE CROSSSLOT', authorization: 'WRONGPASS NOAUTH NOPERM DENIED', validation: 'ERR',
});
const byReply: Rule = ({ name, code }) => (name !== 'ReplyError' || code === undefined ? null : {
  category: replies.get(code) ?? 'cache', by: `Redis ${code}`,
});

/** ClickHouse: its numbers, where another try or another category is meant than `database`. */
const clickhouseCodes: Table = tableOf({
  validation: '6 26 27 36 38 41 42 43 53 69 70 72 117 130 131 321 456 457',
  data_integrity: '10 16 20 44 46 47 57 60 62 80 81 82 207 349 386', authorization: '192 193 194 195 291 492 497 516',
});
/** Too many rows or bytes, and too slow: the same query meets them again. */
const clickhouseLasting = new Set(['158', '160', '307', '396']);
const byClickHouse: Rule = ({ code }, place) => {
  if (place !== 'clickhouse' || code === undefined || !/^\d{1,4}$/.test(code)) return null;
  return { category: clickhouseCodes.get(code) ?? 'database', by: `ClickHouse ${code}`, lasting: clickhouseLasting.has(code) };
};

/** gRPC: 3 nonsense, 5 missing, 6 exists, 7 and 16 rights, 9 state, 15 lost; the rest passes. */
const grpcCodes: Table = tableOf({ validation: '3 11 12', state_transition: '5 6 9', authorization: '7 16', data_integrity: '15' });
const temporalClasses: Table = tableOf({
  network: 'WorkflowUpdateRPCTimeoutOrCancelledError TransportError',
  state_transition: 'WorkflowNotFoundError WorkflowExecutionAlreadyStartedError WorkflowContinuedAsNewError CancelledFailure ' +
    'TerminatedFailure ActivityNotFoundError ActivityCancelledError QueryRejectedError',
  data_integrity: 'DeterminismViolationError', validation: 'NamespaceNotFoundError PayloadConverterError ValueError',
});
const byTemporal: Rule = ({ name, code, kind, cause }, place) => {
  // it wraps the last failure, which says more, when there was one
  if (name === 'TimeoutFailure' && cause === undefined) return { category: 'network', by: `class TimeoutFailure ${kind ?? ''}`.trim() };
  const category = temporalClasses.get(name);
  if (category !== undefined) return { category, by: `class ${name}` };
  return place !== 'temporal' || code === undefined || !/^\d{1,2}$/.test(code) ? null : {
    category: grpcCodes.get(code) ?? 'network', by: `gRPC status ${code}`,
  };
};

/** Errno, Node's and undici's codes of a connection that was not made, broke or took too long. */
const connection = new Set((
  'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT ESOCKETTIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN EAI_FAIL ENODATA ' +
  'ESERVFAIL EADDRNOTAVAIL ENETDOWN ENETRESET '
  + 'EHOSTDOWN ENOTCONN EPROTO UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT UND_ERR_SOCKET UND_ERR_CLOSED ' +
    'UND_ERR_DESTROYED UND_ERR_ABORTED '
  + 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH UND_ERR_RESPONSE ERR_SOCKET_CLOSED ERR_SOCKET_CONNECTION_TIMEOUT ERR_STREAM_PREMATURE_CLOSE ' +
    'ERR_STREAM_DESTROYED ERR_TLS_HANDSHAKE_TIMEOUT ABORT_ERR'
).split(' '));
const otherCodes: Table = tableOf({
  validation: 'ERR_INVALID_URL UND_ERR_INVALID_ARG EENVELOPE', authorization: 'EACCES EPERM EAUTH',
  network: 'ECONNECTION ESOCKET EDNS EPROTOCOL ESTREAM',
});
const byCode: Rule = ({ code, kind }, place) => {
  const smtp = /^smtp ([45])/.exec(kind ?? '')?.[1];
  if (smtp !== undefined) return { category: code === 'EAUTH' ? 'authorization' : 'external_api', by: kind ?? '', lasting: smtp === '5' };
  if (code === undefined) return null;
  if (connection.has(code) || /^(?:HPE_|ERR_HTTP2_|ERR_SSL_)/.test(code)) return placed(`code ${code}`, place, 'network');
  if (/^(?:CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/.test(code)) {
    return { category: 'authorization', by: `code ${code}` };
  }
  const category = otherCodes.get(code);
  return category === undefined ? null : { category, by: `code ${code}` };
};

/** Classes of drivers that say all there is to say. */
const driverClasses = new Set([
  'MaxRetriesPerRequestError', 'ClusterAllFailedError', 'TimeoutError', 'AbortError', 'BreakerOpenError', 'TaskCancelledError',
  'HTTPParserError',
  'APIConnectionError', 'APIConnectionTimeoutError', 'APIUserAbortError',
]);
const byDriverClass: Rule = ({ name, cause }, place) => {
  if (driverClasses.has(name)) return placed(`class ${name}`, place, 'network');
  // an answer that is no JSON, where somebody answers
  return name !== 'SyntaxError' || cause !== undefined ? null : placed('class SyntaxError', place, 'validation');
};

/** A driver's own sentence, which placed the error without a code. */
const bySentence: Rule = ({ at, name, code }, place) => (
  at === undefined || at !== place || code !== undefined || name !== 'Error' ? null : placed('the sentence of a driver', at, 'network')
);

export const structuredRules: readonly Rule[] = [
  byCategory, byOwnClass, bySqlState, byReply, byClickHouse, byTemporal, byCode, byStatus, byDriverClass, bySentence,
];
