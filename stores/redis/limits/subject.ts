/** Who is counted. */

/** A person or API key; the same in the API and in the worker. */
export function personSubject(tenant: string, subject: string): string {
  return JSON.stringify([tenant, subject]);
}
