/** Filters that name a flow or a language: one that the tenant never had is refused with those it has, and never counts as zero. */
import { matchLanguage } from '../domain/flow.ts';
import type { FlowName } from '../flows/registry.ts';
import { Problem } from './problem.ts';
import type { Services } from './services.ts';

interface Named { readonly flow?: string | undefined; readonly language?: string | undefined }

/** Names said at most in an error. */
const saidNames = 50;

/**
 * The filters as sessions are stored under them: a language tag is matched as at the start of a session. Throws `unknown_flow`
 * and `unknown_filter_value`. The store is asked only for what no flow of today has.
 */
export async function knownFilters(services: Services, tenant: string, { flow, language }: Named): Promise<Named> {
  if (flow === undefined && language === undefined) return {};
  const startable = found(await services.flows.all(tenant), { flow, language });
  if (startable !== null) return startable;
  const ever = await services.flows.everRegistered(tenant);
  const known = found(ever, { flow, language });
  if (known !== null) return known;
  const named = ever.filter(({ id }) => flow === undefined || id === flow);
  throw named.length === 0 ? unknownFlow(ever.map(({ id }) => id)) : unknownLanguage(languagesOf(named));
}

function found(flows: readonly FlowName[], { flow, language }: Named): Named | null {
  const named = flows.filter(({ id }) => flow === undefined || id === flow);
  if (named.length === 0) return null;
  if (language === undefined) return { flow };
  const matched = matchLanguage({ languages: languagesOf(named) }, language);
  return matched === null ? null : { flow, language: matched };
}

function languagesOf(flows: readonly FlowName[]): readonly string[] {
  return [...new Set(flows.flatMap(({ languages }) => languages))].sort();
}

export function unknownFlow(known: readonly string[]): Problem {
  return new Problem('unknown_flow', `There is no flow of this name. There are: ${said(known)}.`, {
    errors: [{ pointer: '/flow', code: 'unknown_flow', message: 'There is no flow of this name.', fix: `Use one of: ${said(known)}.` }],
    members: { known_values: known.slice(0, saidNames) },
  });
}

function unknownLanguage(known: readonly string[]): Problem {
  return new Problem('unknown_filter_value', `No session has this language. There are: ${said(known)}.`, {
    errors: [
      { pointer: '/language', code: 'unknown_filter_value', message: 'No session has this language.', fix: `Use one of: ${said(known)}.` },
    ],
    members: { known_values: known.slice(0, saidNames) },
  });
}

function said(names: readonly string[]): string {
  return names.slice(0, saidNames).join(', ') + (names.length > saidNames ? ' …' : '');
}
