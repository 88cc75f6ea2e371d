/**
 * What kind of error this is. Structured evidence first, from the outermost error of the chain to the innermost: our own
 * types, SQLSTATE, errno, driver classes, HTTP status. Words of the message come last, and whole words only. What no rule
 * knows says so.
 */
import { policyOf, unclassified, type ErrorCategory, type ErrorSeverity } from './error-category.ts';
import type { ErrorEvidence } from './error-evidence.ts';
import type { ErrorPlace } from './error-places.ts';
import { structuredRules, type Match, type Rule } from './error-rules.ts';

/** Can be passed to retryDelayMs() as it is, with the attempt. */
export interface Classification {
  readonly category: ErrorCategory;
  readonly severity: ErrorSeverity;
  /** Whether another try can help. */
  readonly retryable: boolean;
  readonly unclassified: boolean;
  /** What the server asked for, milliseconds; null: nothing. */
  readonly retry_after_ms: number | null;
  /** The evidence that decided, for operators: codes, names of classes and words that the rules know, nothing else of the message. */
  readonly matched_by: string;
}

/** `at`: where it was caught, when the error itself does not say. */
export function classify(evidence: ErrorEvidence, hint: { readonly at?: ErrorPlace } = {}): Classification {
  const chain: ErrorEvidence[] = [];
  for (let link: ErrorEvidence | undefined = evidence; link !== undefined; link = link.cause) chain.push(link);
  const place = chain.find((item) => item.at !== undefined)?.at ?? hint.at;
  const match = firstMatch(chain, structuredRules, place) ?? firstMatch(chain, [byWords], place);
  const lasting = match?.lasting === true || chain.some((item) => item.non_retryable === true);
  const retryAfter = chain.find((item) => item.retry_after_ms !== undefined)?.retry_after_ms ?? null;
  const category = match?.category ?? unclassified.category;
  const policy = match === null ? unclassified : policyOf({ category });
  return {
    category, severity: policy.severity, retryable: policy.tries > 1 && !lasting, unclassified: match === null, retry_after_ms: retryAfter,
    matched_by: match?.by ?? 'no rule',
  };
}

function firstMatch(chain: readonly ErrorEvidence[], rules: readonly Rule[], place: ErrorPlace | undefined): Match | null {
  for (const evidence of chain) {
    for (const rule of rules) {
      const match = rule(evidence, place);
      if (match !== null) return match;
    }
  }
  return null;
}

/** Whole words, the narrower meaning first. */
const words: readonly (readonly [ErrorCategory, RegExp])[] = [
  ['state_transition', /\b(?:invalid|illegal) (?:state )?transition\b|\bwrong state\b/i],
  [
    'authorization',
    /\b(?:unauthori[sz]ed|forbidden|permission denied|access denied|authentication (?:failed|required)|invalid api key)\b/i,
  ],
  ['database', /\b(?:deadlock|postgres(?:ql)?|sqlstate|clickhouse|database)\b/i],
  ['cache', /\b(?:redis|valkey)\b/i],
  ['llm_api', /\b(?:llm|openai|language model|rate limit reached)\b/i],
  [
    'network',
    /\b(?:socket hang up|fetch failed|other side closed|connection (?:refused|reset|closed|terminated|lost)|timed? ?out|timeout|network)\b/i,
  ],
  ['data_integrity', /\b(?:duplicate key|constraint|checksum mismatch)\b/i],
  ['validation', /\b(?:invalid|malformed|required|unexpected token)\b/i],
];

/** Most messages hold none of them: one look tells. */
const anyWord = new RegExp(words.map(([, pattern]) => pattern.source).join('|'), 'i');

const byWords: Rule = ({ message }) => {
  if (!anyWord.test(message)) return null;
  for (const [category, pattern] of words) {
    const word = pattern.exec(message)?.[0];
    if (word !== undefined) return { category, by: `word '${word.toLowerCase()}'` };
  }
  return null;
};
