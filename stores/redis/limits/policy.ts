/** What is limited, in which unit, how much in which time, and what happens while Redis is away. Made from the configuration at start. */
import { createHash } from 'node:crypto';
import { ConfigurationError, type Configuration } from '../../../service/configuration.ts';
import type { Window } from './script.ts';

export type Unit = 'requests' | 'tokens' | 'characters' | 'cents';

/** What a request costs; a unit that is not named costs nothing. Cents may have three decimals. */
export type Cost = Readonly<Partial<Record<Unit, number>>>;

export interface Policy extends Window {
  /** Names it in headers, problems, metrics and GANGWAY_SHADOW_POLICIES. */
  readonly name: string;
  readonly unit: Unit;
  /** As configured; the window's own `limit` counts in the unit's smallest part. */
  readonly quota: number;
  readonly windowSeconds: number;
}

export interface Resource {
  readonly name: string;
  readonly policies: readonly Policy[];
  /** Counted in the process while Redis is away, in requests. null: critical, refused with 503 until it is back. */
  readonly fallback: { readonly limit: number; readonly windowSeconds: number } | null;
  /** Counts only grow, so that a denial holds until its time and need not be asked for again. */
  readonly isNeverGivenBack: boolean;
  /** Last part of its key in Redis: another cut of the windows is another key. */
  readonly key: string;
  /** Names the script that decides it: the key and every number in it. */
  readonly plan: string;
}

export const resourceNames = [
  'api', 'api_admin', 'anonymous', 'llm_calls', 'translations', 'knowledge_ingestion', 'knowledge_queries', 'photo_uploads',
] as const;
export type ResourceName = (typeof resourceNames)[number];
export type Resources = Readonly<Record<ResourceName, Resource>>;

const minute = 60;
const hour = 3_600;
const day = 86_400;
/** Slices of a quota's window. */
const slices = 60;

/** Counted in thousandths: a call to a model costs less than a cent. */
const parts: Readonly<Record<Unit, number>> = { requests: 1, tokens: 1, characters: 1, cents: 1_000 };

export function partsOf(unit: Unit, amount: number): number {
  return Math.ceil(amount * parts[unit]);
}

export function amountOf(unit: Unit, counted: number): number {
  return Math.max(0, Math.floor(counted) / parts[unit]);
}

/** Throws ConfigurationError for a policy in GANGWAY_SHADOW_POLICIES that there is not. */
export function resourcesOf(configuration: Configuration): Resources {
  const shadows = new Set(configuration.GANGWAY_SHADOW_POLICIES.split(',').map((name) => name.trim()).filter((name) => name !== ''));
  const quota = (name: string, limit: number, windowSeconds: number, unit: Unit = 'requests'): Policy => ({
    name, unit, quota: limit, windowSeconds, limit: partsOf(unit, limit), slice: Math.ceil((windowSeconds * 1_000) / slices), span: slices, shadow: shadows.has(name),
  });
  // every single time is kept, so the window is exact to the millisecond
  const log = (name: string, limit: number, windowSeconds: number): Policy => ({ ...quota(name, limit, windowSeconds), slice: 1, span: windowSeconds * 1_000 });
  const c = configuration;
  const others = { limit: c.GANGWAY_FALLBACK_PER_HOUR, windowSeconds: hour };
  const resources: Resources = {
    // `api` goes on at its own limit, so that nobody's session stops with Redis
    api: counter('api', [quota('api', c.GANGWAY_API_PER_MINUTE, minute)], { limit: c.GANGWAY_API_PER_MINUTE, windowSeconds: minute }),
    // counted together with what the same person asks without that role
    api_admin: counter('api', [quota('api', c.GANGWAY_API_PER_MINUTE_ADMIN, minute)], { limit: c.GANGWAY_API_PER_MINUTE_ADMIN, windowSeconds: minute }),
    anonymous: counter('anonymous', [quota('anonymous', c.GANGWAY_ANONYMOUS_PER_HOUR, hour)], others),
    llm_calls: critical('llm_calls', [
      quota('llm_calls_per_day', c.GANGWAY_LLM_CALLS_PER_DAY, day), quota('llm_calls_per_hour', c.GANGWAY_LLM_CALLS_PER_HOUR, hour),
      quota('llm_tokens_per_day', c.GANGWAY_LLM_TOKENS_PER_DAY, day, 'tokens'), quota('llm_tokens_per_hour', c.GANGWAY_LLM_TOKENS_PER_HOUR, hour, 'tokens'),
      quota('llm_cents_per_day', c.GANGWAY_LLM_CENTS_PER_DAY, day, 'cents'),
    ]),
    translations: critical('translations', [
      quota('translations_per_day', c.GANGWAY_TRANSLATIONS_PER_DAY, day), quota('translations_per_hour', c.GANGWAY_TRANSLATIONS_PER_HOUR, hour),
      quota('translation_characters_per_day', c.GANGWAY_TRANSLATION_CHARACTERS_PER_DAY, day, 'characters'),
      quota('translation_characters_per_hour', c.GANGWAY_TRANSLATION_CHARACTERS_PER_HOUR, hour, 'characters'),
    ]),
    knowledge_ingestion: critical('knowledge_ingestion', [quota('knowledge_ingestion_per_day', c.GANGWAY_KNOWLEDGE_INGESTION_PER_DAY, day)]),
    knowledge_queries: counter('knowledge_queries', [
      quota('knowledge_queries_per_day', c.GANGWAY_KNOWLEDGE_QUERIES_PER_DAY, day), quota('knowledge_queries_per_hour', c.GANGWAY_KNOWLEDGE_QUERIES_PER_HOUR, hour),
    ], others),
    photo_uploads: critical('photo_uploads', [
      quota('photo_uploads_per_day', c.GANGWAY_PHOTO_UPLOADS_PER_DAY, day), log('photo_burst', c.GANGWAY_PHOTO_BURST_PER_MINUTE, minute),
    ]),
  };
  refuseUnknown(shadows, resources);
  return resources;
}

function counter(name: string, policies: readonly Policy[], fallback: Resource['fallback']): Resource {
  return { name, policies, fallback, isNeverGivenBack: true, ...namesOf(name, policies) };
}

/** What is reserved can be given back. */
function critical(name: string, policies: readonly Policy[]): Resource {
  return { name, policies, fallback: null, isNeverGivenBack: false, ...namesOf(name, policies) };
}

function namesOf(name: string, policies: readonly Policy[]): { readonly key: string; readonly plan: string } {
  const cut = policies.map((policy) => `${policy.name} ${policy.slice} ${policy.span}`).join(',');
  const key = `${name}:${createHash('sha256').update(cut).digest('base64url').slice(0, 6)}`;
  return { key, plan: `${key}=${policies.map((policy) => `${policy.limit}${policy.shadow ? 's' : ''}`).join(',')}` };
}

function refuseUnknown(shadows: ReadonlySet<string>, resources: Resources): void {
  const names = [...new Set(Object.values(resources).flatMap((resource) => resource.policies.map((policy) => policy.name)))];
  const unknown = [...shadows].filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new ConfigurationError(`The configuration cannot be used:\n  GANGWAY_SHADOW_POLICIES: there is no policy ${unknown.join(', ')}; there are ${names.join(', ')}`);
  }
}
