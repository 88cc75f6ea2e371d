/** People of whom keys or approvals depend, with the roles of the newest token that was seen of each. */
import type { Role } from '../../domain/message.ts';
import type { Database, Queries } from './database.ts';

/** What a verified token says of its holder. */
export interface PersonSeen {
  /** personName. */
  readonly person: string;
  readonly tenant: string;
  readonly roles: readonly Role[];
  /** Of the token, epoch milliseconds. */
  readonly issuedAt: number;
}

/**
 * Notes roles. An older token never replaces a newer one; of two of the same second the one seen later counts. Who never had
 * more than the role user is not kept: nothing depends on it. Each person at most once in `seen`.
 */
export async function notePeople(db: Database, seen: readonly PersonSeen[]): Promise<void> {
  await db.asSystem().query(
    `INSERT INTO people AS known (person, tenant, roles, issued_at)
     SELECT s.person, s.tenant, ARRAY(SELECT jsonb_array_elements_text(s.roles)), to_timestamp(s.at / 1000.0)
     FROM jsonb_to_recordset($1) AS s(person text, tenant text, roles jsonb, at float8)
     WHERE s.roles - 'user' <> '[]' OR EXISTS (SELECT FROM people WHERE people.person = s.person)
     ORDER BY s.person
     ON CONFLICT (person) DO UPDATE SET roles = excluded.roles, issued_at = excluded.issued_at
     WHERE known.issued_at <= excluded.issued_at AND (known.issued_at, known.roles) IS DISTINCT FROM (excluded.issued_at, excluded.roles)`,
    [JSON.stringify(seen.map(({ person, tenant, roles, issuedAt }) => ({ person, tenant, roles, at: issuedAt })))],
  );
}

/** Roles by person, of those whose roles are known in this scope. */
export async function knownRoles(tx: Queries, people: readonly string[]): Promise<ReadonlyMap<string, readonly Role[]>> {
  const rows = await tx.query<{ person: string; roles: readonly Role[] }>(
    'SELECT person, roles FROM people WHERE person = ANY ($1) AND roles IS NOT NULL', [people],
  );
  return new Map(rows.map((row) => [row.person, row.roles]));
}
