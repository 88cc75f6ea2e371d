/**
 * Ids of workflows, made and parsed here only: `kind:tenant:id`. They are readable to operators, so nothing personal is in
 * them, and the codec reads from them whose a payload is: a kind that is missing here belongs to nobody.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** Kinds of workflows that belong to a tenant. */
const kinds = ['session', 'task', 'redrive', 'upload'] as const;
export type WorkflowKind = (typeof kinds)[number];

/** `tenant` is its key: the name itself, or what stands for a long one. */
export interface WorkflowName { readonly kind: WorkflowKind; readonly tenant: string; readonly id: string }

/** Of a tenant's name, percent-encoded: with kind and UUID an id stays below the 255 characters of Temporal's SQL stores. */
const encodedMax = 150;
/** Begins the key of a long name. Percent-encoding never leaves it, and a name that begins with it is hashed as well. */
const hashed = '=';

/** What stands for a tenant in ids and payloads: its name, or a hash of one whose percent-encoded form would be too long. */
export function tenantKey(tenant: string): string {
  const isPlain = !tenant.startsWith(hashed) && encodeURIComponent(tenant).length <= encodedMax;
  return isPlain ? tenant : `${hashed}${bytesToHex(sha256(utf8ToBytes(tenant))).slice(0, 32)}`;
}

/** Whether it stands for a name that it does not tell. */
export function isHashedKey(key: string): boolean {
  return key.startsWith(hashed);
}

export function sessionWorkflowId(tenant: string, sessionId: string): string {
  return idOf('session', tenant, sessionId);
}

export function taskWorkflowId(tenant: string, taskId: string): string {
  return idOf('task', tenant, taskId);
}

export function redriveWorkflowId(tenant: string, redriveId: string): string {
  return idOf('redrive', tenant, redriveId);
}

/** `objectId` names one try to send an upload: each is looked into by itself. */
export function uploadWorkflowId(tenant: string, objectId: string): string {
  return idOf('upload', tenant, objectId);
}

/** null: not one of ours, or nobody's. */
export function parseWorkflowId(workflowId: string): WorkflowName | null {
  const [first, key, id, ...more] = workflowId.split(':');
  const kind = kinds.find((known) => known === first);
  if (kind === undefined || key === undefined || id === undefined || more.length > 0) return null;
  try {
    return { kind, tenant: key.startsWith(hashed) ? key : decodeURIComponent(key), id };
  } catch {
    return null;
  }
}

function idOf(kind: WorkflowKind, tenant: string, id: string): string {
  const key = tenantKey(tenant);
  return `${kind}:${key.startsWith(hashed) ? key : encodeURIComponent(key)}:${id}`;
}
