/** What is limited, in which unit, how much in which time, and what happens while Redis is away. Made from the configuration at start. */
import { createHash } from 'node:crypto';
import { ConfigurationError } from '../../../domain/configuration-error.ts';
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

/** How much of each, in the policy's own window and unit. */
export interface LimitSettings {
  readonly apiPerMinute: number;
  readonly apiPerMinuteAdmin: number;
  readonly anonymousPerHour: number;
  /** Of one subject on a non-critical resource while Redis is away. */
  readonly fallbackPerHour: number;
  readonly llmCalls: { readonly perDay: number; readonly perHour: number };
  readonly llmTokens: { readonly perDay: number; readonly perHour: number };
  readonly llmCentsPerDay: number;
  readonly translations: { readonly perDay: number; readonly perHour: number };
  readonly translationCharacters: { readonly perDay: number; readonly perHour: number };
  readonly knowledgeIngestionPerDay: number;
  readonly knowledgeQueries: { readonly perDay: number; readonly perHour: number };
  readonly photoUploadsPerDay: number;
  readonly photoBurstPerMinute: number;
  /** Names of policies that count and refuse nobody. */
  readonly shadowPolicies: readonly string[];
}

/** Throws ConfigurationError for a shadow policy that there is not. */
export function resourcesOf(settings: LimitSettings): Resources {
  const shadows = new Set(settings.shadowPolicies);
  const quota = (name: string, limit: number, windowSeconds: number, unit: Unit = 'requests'): Policy => ({
    name, unit, quota: limit, windowSeconds, limit: partsOf(unit, limit), slice: Math.ceil((windowSeconds * 1_000) / slices), span: slices,
    shadow: shadows.has(name),
  });
  // every single time is kept, so the window is exact to the millisecond
  const log = (name: string, limit: number, windowSeconds: number): Policy => ({
    ...quota(name, limit, windowSeconds), slice: 1, span: windowSeconds * 1_000,
  });
  const others = { limit: settings.fallbackPerHour, windowSeconds: hour };
  const resources: Resources = {
    // `api` goes on at its own limit, so that nobody's session stops with Redis
    api: counter('api', [quota('api', settings.apiPerMinute, minute)], { limit: settings.apiPerMinute, windowSeconds: minute }),
    // counted together with what the same person asks without that role
    api_admin: counter('api', [quota('api', settings.apiPerMinuteAdmin, minute)], {
      limit: settings.apiPerMinuteAdmin, windowSeconds: minute,
    }),
    anonymous: counter('anonymous', [quota('anonymous', settings.anonymousPerHour, hour)], others),
    llm_calls: critical('llm_calls', [
      quota('llm_calls_per_day', settings.llmCalls.perDay, day), quota('llm_calls_per_hour', settings.llmCalls.perHour, hour),
      quota('llm_tokens_per_day', settings.llmTokens.perDay, day, 'tokens'),
      quota('llm_tokens_per_hour', settings.llmTokens.perHour, hour, 'tokens'),
      quota('llm_cents_per_day', settings.llmCentsPerDay, day, 'cents'),
    ]),
    translations: critical('translations', [
      quota('translations_per_day', settings.translations.perDay, day), quota('translations_per_hour', settings.translations.perHour, hour),
      quota('translation_characters_per_day', settings.translationCharacters.perDay, day, 'characters'),
      quota('translation_characters_per_hour', settings.translationCharacters.perHour, hour, 'characters'),
    ]),
    knowledge_ingestion: critical('knowledge_ingestion', [quota('knowledge_ingestion_per_day', settings.knowledgeIngestionPerDay, day)]),
    knowledge_queries: counter('knowledge_queries', [
      quota('knowledge_queries_per_day', settings.knowledgeQueries.perDay, day),
      quota('knowledge_queries_per_hour', settings.knowledgeQueries.perHour, hour),
    ], others),
    photo_uploads: critical('photo_uploads', [
      quota('photo_uploads_per_day', settings.photoUploadsPerDay, day), log('photo_burst', settings.photoBurstPerMinute, minute),
    ]),
  };
  refuseUnknown(shadows, resources);
  return resources;
}

/** Name of each policy → its quota in words. The limit of admins is a policy of the same name, and stands under that of its resource. */
export function quotasOf(resources: Resources): Readonly<Record<string, string>> {
  const quotas: Record<string, string> = {};
  for (const [resource, { policies }] of Object.entries(resources)) {
    for (const { name, quota, shadow } of policies) quotas[name in quotas ? resource : name] = `${quota}${shadow ? ' (shadow)' : ''}`;
  }
  return quotas;
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
    throw new ConfigurationError([`GANGWAY_SHADOW_POLICIES: there is no policy ${unknown.join(', ')}; there are ${names.join(', ')}`]);
  }
}
