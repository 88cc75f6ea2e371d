/** From what the engine knows to what the contract shows. */
import type { z } from 'zod';
import { messageFor } from '../domain/error-message.ts';
import { findQuestion, wireQuestion, type Flow } from '../domain/flow.ts';
import type { SessionView } from '../domain/message.ts';
import type { FlowRegistry } from '../flows/registry.ts';
import type { SessionWire } from './wire.ts';

export const iso = (ms: number): string => new Date(ms).toISOString();

export async function presentSession(flows: FlowRegistry, view: SessionView, stale: boolean): Promise<z.input<typeof SessionWire>> {
  const flow = await flows.version(view.tenant, view.flow.id, view.flow.version);
  return {
    session_id: view.session_id, tenant: view.tenant, owner: view.owner, flow: view.flow, language: view.language, state: view.state,
    stage: view.stage,
    progress_percent: view.progress_percent, question: questionOf(flow, view), answers_count: view.answers_count,
    checkpoint_version: view.checkpoint_version,
    created_at: iso(view.created_at), last_activity_at: iso(view.last_activity_at),
    ended_at: view.ended_at === null ? null : iso(view.ended_at), stale,
    waiting_since: view.awaits == null ? null : iso(view.awaits.since),
    notice: view.waits_for == null ? null : {
      ...messageFor(view.waits_for, view.language), goes_on_by: view.goes_on_by == null ? null : iso(view.goes_on_by),
    },
  };
}

function questionOf(flow: Flow, view: SessionView): z.input<typeof SessionWire>['question'] {
  const rule = view.question === null ? null : findQuestion(flow.rules, view.question.id);
  if (rule === null) return null;
  return wireQuestion(flow, view.language, rule, view.question?.suggested) as z.input<typeof SessionWire>['question'];
}

/** The session's version, strong. */
export const etagOf = (view: SessionView): Record<string, string> => ({ ETag: `"${view.version}"` });

/** Versions that an If-Match may name; more are read by nobody. */
const namedVersionsMax = 32;
/** One entity tag: weak or strong, and with the mark that a compressing proxy (Apache, Jetty) adds to what it changed. */
const tag = /^(?:W\/)?"(\d{1,15})(?:(?:-|--|;)(?:gzip|br|deflate|zstd))?"$/;

/**
 * `"12"` → [12], `W/"12", "13"` → [12, 13]. `*` and a missing header ask for nothing: null. A tag that is none of ours matches no
 * version. Compared weakly: the tag counts changes of the session and says nothing of bytes, so that a proxy which compresses
 * an answer, and has to weaken its tag for that, changes nothing that the caller asked about.
 */
export function versionsOf(ifMatch: string): readonly number[] | null {
  const tags = ifMatch.split(',', namedVersionsMax).map((part) => part.trim());
  if (tags.every((part) => part === '' || part === '*')) return null;
  return tags.flatMap((part) => tag.exec(part)?.slice(1).map(Number) ?? []);
}
