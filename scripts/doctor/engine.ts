/** Temporal: whether it answers, knows our namespace and search attributes, and whether sessions of ours are stuck in it. */
import { Connection, isGrpcServiceError } from '@temporalio/client';
import type { Configuration } from '../../service/configuration.ts';
import { searchAttributeNames } from '../../workflows/search-attributes.ts';
import { about, patienceMs, reasonOf, within, type Finding } from './finding.ts';

const { well, wrong, unseen } = about('temporal');
const attributes = about('search attributes');
const sessions = about('sessions');

/** Of gRPC. */
const [notFound, denied, unauthenticated, invalidArgument] = [5, 7, 16, 3];
/** The server's number for the type Keyword. */
const keyword = 2;
const namedMax = 3;

/** `thorough`: also what changes while it runs. `setting`: what names the address; null for the embedded server. */
export async function engineFindings(
  { address, setting }: { readonly address: string; readonly setting: string | null }, configuration: Configuration, thorough: boolean,
): Promise<Finding[]> {
  const { TEMPORAL_NAMESPACE: namespace, TEMPORAL_API_KEY: apiKey } = configuration;
  let connection: Connection;
  try {
    connection = await within(patienceMs + 1_000, Connection.connect({
      address, connectTimeout: patienceMs, ...(apiKey === undefined ? {} : { apiKey, tls: true }),
    }));
  } catch (error) {
    const mend = setting === null ? 'stop Gangway and start it again; logs/temporal.log in the data folder says more'
      : `start it, or correct ${setting}; without ${setting} one is started beside Gangway`;
    return [wrong(`${setting ?? 'Temporal'}: no Temporal answers at ${address} (${unreachable(error)})`, mend)];
  }
  const where = `${setting ?? 'Temporal'}: what answers at ${address}`;
  try {
    const fault = await namespaceFault(connection, namespace, address).catch((error: unknown) => wrong(
      `${where} is no Temporal that can be used (${reasonOf(error)})`, `correct ${setting ?? 'the address'}, or look what runs there`,
    ));
    if (fault !== null) return [fault];
    if (!thorough) return [well(`Temporal at ${address} answers and has the namespace ${namespace}`)];
    const { serverVersion } = await ask(connection, () => connection.workflowService.getSystemInfo({}));
    return [
      well(`Temporal ${serverVersion ?? '(of unknown version)'} at ${address} answers and has the namespace ${namespace}`),
      await attributesFinding(connection, namespace, address), await stuckFinding(connection, configuration),
    ];
  } catch (error) {
    return [unseen(`Temporal at ${address} answers, but not everything could be asked (${reasonOf(error)})`)];
  } finally {
    await connection.close();
  }
}

function ask<T>(connection: Connection, question: () => Promise<T>): Promise<T> {
  return connection.withDeadline(Date.now() + patienceMs, question);
}

async function namespaceFault(connection: Connection, namespace: string, address: string): Promise<Finding | null> {
  try {
    await ask(connection, () => connection.workflowService.describeNamespace({ namespace }));
    return null;
  } catch (error) {
    if (!isGrpcServiceError(error)) throw error;
    const code = Number(error.code);
    if (code === notFound) {
      return wrong(
        `TEMPORAL_NAMESPACE: Temporal at ${address} has no namespace ${namespace}`,
        `make it (temporal operator namespace create --address ${address} ${namespace}), or correct the name`,
      );
    }
    if (code === denied || code === unauthenticated) {
      return wrong(`TEMPORAL_API_KEY: Temporal at ${address} does not let us in`, 'set a key that may use the namespace');
    }
    throw error;
  }
}

async function attributesFinding(connection: Connection, namespace: string, address: string): Promise<Finding> {
  const { customAttributes } = await ask(connection, () => connection.operatorService.listSearchAttributes({ namespace }));
  const missing = searchAttributeNames.filter((name) => customAttributes?.[name] !== keyword);
  if (missing.length === 0) return attributes.well('Lists can be filtered by every search attribute');
  const other = missing.filter((name) => customAttributes?.[name] != null);
  return attributes.wrong(
    `The search attributes ${missing.join(', ')} are missing or not of type Keyword: lists and filters find nothing by them`,
    other.length > 0 ? `remove ${other.join(', ')} in Temporal and start Gangway again, which registers them`
      : `start Gangway again, which registers them, or: temporal operator search-attribute create --address ${address} --namespace ` +
        `${namespace}${missing.map((name) => ` --name ${name} --type Keyword`).join('')}`,
  );
}

/** By what the server itself keeps of workflows whose tasks fail again and again. */
async function stuckFinding(connection: Connection, configuration: Configuration): Promise<Finding> {
  const { TEMPORAL_NAMESPACE: namespace, GANGWAY_TASK_QUEUE: queue } = configuration;
  const query = `TaskQueue = '${queue.replaceAll(/['\\]/g, '\\$&')}' AND ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT ` +
    `NULL`;
  try {
    const { executions } = await ask(
      connection, () => connection.workflowService.listWorkflowExecutions({ namespace, query, pageSize: 1_000 }),
    );
    const ids = (executions ?? []).map((info) => info.execution?.workflowId ?? '');
    if (ids.length === 0) return sessions.well('No session is stuck');
    const named = ids.slice(0, namedMax).join(', ');
    return sessions.wrong(
      `${ids.length} ${ids.length === 1 ? 'session or task is' : 'sessions or tasks are'} stuck, their workflow tasks fail again and ` +
      `again: ` +
      `${named}${ids.length > namedMax ? ' and others' : ''}`,
      'the log of the worker names the failure of each by its workflow id; a missing key or another version of the code is the usual cause',
    );
  } catch (error) {
    if (isGrpcServiceError(error) && Number(error.code) === invalidArgument) {
      return sessions.unseen('This Temporal does not tell which sessions are stuck (it does from version 1.30 on)');
    }
    throw error;
  }
}

function unreachable(error: unknown): string {
  const text = error instanceof Error ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}` : String(error);
  if (/ECONNREFUSED|connect failed|No connection established/i.test(text)) return 'nothing listens there';
  return /deadline|time/i.test(text) ? 'no answer in time' : reasonOf(error);
}
