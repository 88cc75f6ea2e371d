/** The longest wait that a model's server can ask for: the cap of its error category. */
export const maxRetryAfterSeconds = 120;

const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Seconds or an HTTP date (RFC 9110 10.2.3) as 1..120 whole seconds; null for what asks for no wait or is neither. */
export function retryAfterSeconds(header: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : httpDate.test(text) ? Math.ceil((Date.parse(text) - now) / 1_000) : 0;
  return seconds > 0 ? Math.min(seconds, maxRetryAfterSeconds) : null;
}
