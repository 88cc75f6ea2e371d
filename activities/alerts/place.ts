/** Where an operator looks after an alert. */
import type { ToldAlert } from '../../domain/alert-message.ts';
import type { AlertPlace } from './channel.ts';

const tasksPath = '/api/v1/onboarding/admin/dlq/tasks/';
const funnelPath = '/api/v1/onboarding/analytics/funnel/';
const stuckPath = '/api/v1/onboarding/admin/sessions/stuck/';

export function placeOf({ kind, facts }: ToldAlert, publicUrl: string | null): AlertPlace {
  const address = publicUrl === null ? null : `${publicUrl.replace(/\/+$/, '')}/`;
  if (kind === 'scanner_blind') return { console: address, api: 'GET /metrics, gangway_upload_scanner_sees' };
  if (kind === 'session_stuck') return { console: address, api: `GET ${stuckPath}` };
  if (kind === 'conversion_drop') {
    const end = new Date(Date.parse(facts.day) + 86_400_000).toISOString();
    return { console: address, api: `GET ${funnelPath}?${new URLSearchParams({ flow: facts.flow, start_date: facts.day, end_date: end }).toString()}` };
  }
  const query = kind === 'new_fingerprint' ? `fingerprint=${encodeURIComponent(facts.fingerprint)}` : 'sort=oldest';
  return { console: address, api: `GET ${tasksPath}?${query}` };
}

/** As the last lines of a text. */
export function placeLines({ console, api }: AlertPlace): string[] {
  return [...(console === null ? [] : [`Look in the console: ${console}`]), `By the API: ${api}`];
}
