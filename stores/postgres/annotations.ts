/**
 * What happened that a series may show: what the audit log knows of changes, and limits, which are configuration: no act changes them,
 * and they are noted at a start (limits-in-force.ts).
 */
import type { Database } from './database.ts';
import { limitChanges, type LimitChange } from './limits-in-force.ts';

export const annotationKinds = ['flow_published', 'limit_changed', 'rollback'] as const;
export type AnnotationKind = (typeof annotationKinds)[number];

export interface Annotation { readonly at: Date; readonly kind: AnnotationKind; readonly text: string }

/** Of a period, the newest; a series with more would be unreadable. */
export const annotationsMax = 200;

interface Row {
  readonly at: Date;
  readonly action: string;
  readonly target: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Acts of [startMs, endMs) that were allowed and changed something, oldest first. No reasons and no people: readers are analysts. */
export async function annotations(db: Database, tenant: string, startMs: number, endMs: number): Promise<readonly Annotation[]> {
  const [rows, limits] = await Promise.all([acts(db, tenant, startMs, endMs), limitChanges(db, startMs, endMs, annotationsMax)]);
  return [...rows.map(annotationOf), ...limits.map(limitAnnotation)].toSorted((a, b) => a.at.getTime() - b.at.getTime())
    .slice(-annotationsMax);
}

function acts(db: Database, tenant: string, startMs: number, endMs: number): Promise<Row[]> {
  return db.asTenant(tenant).query<Row>(
    `SELECT at, action, target, details FROM audit
     WHERE tenant = $1 AND action = ANY ($2) AND result = 'allowed' AND at >= to_timestamp($3 / 1000.0) AND at < to_timestamp($4 / 1000.0)
       AND (details->>'is_new') IS DISTINCT FROM 'false'
     ORDER BY at DESC, id DESC LIMIT $5`,
    [tenant, Object.keys(kinds), startMs, endMs, annotationsMax],
  );
}

const kinds: Readonly<Record<string, AnnotationKind>> = { 'flow.publish': 'flow_published', 'changeset.rollback': 'rollback' };

function annotationOf({ at, action, target, details }: Row): Annotation {
  const name = target?.slice(target.indexOf(':') + 1) ?? '';
  if (kinds[action] === 'flow_published') {
    return { at, kind: 'flow_published', text: `Flow ${name}, version ${String(details['version'])}` };
  }
  const done = details['status'] === 'rolled_back' ? 'rolled back' : 'rolled back in part';
  return { at, kind: 'rollback', text: `Changeset ${name} ${done}` };
}

export function limitAnnotation({ at, before, after }: LimitChange): Annotation {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().filter((name) => before[name] !== after[name]);
  const changes = names.map((name) => `${name} ${before[name] ?? 'none'} → ${after[name] ?? 'none'}`);
  return { at, kind: 'limit_changed', text: `Limits: ${changes.join(', ')}` };
}
