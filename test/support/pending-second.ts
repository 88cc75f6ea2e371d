/** A session whose decision names more changes than one approver may approve alone. */
import type { Body, Person } from './person.ts';

/** One more than a single approver may approve. */
export const changes = 11;

/** Eleven entries of the catalogue for each name. */
export const catalogue = {
  default_language: 'en', languages: ['en'], title: 'Fill the catalogue',
  questions: [{ id: 'name', type: 'text', prompt: 'Which catalogue?' }],
  recommendations: Array.from({ length: changes }, (_, at) => ({
    id: `entry_${at + 1}`, target: { type: 'type_assist', key: `slug(name) + '-${at + 1}'` },
    values: { code: `'E${at + 1}'`, label: `'Entry ${at + 1}'`, category: "'catalogue'" }, confidence: 0.9,
    rationale: 'Part of every catalogue.',
  })),
};

/** Decided by ben in a flow that its tenant publishes, waiting for somebody else. Returns the session, and the id of the approval. */
export async function pendingSecond({ ana, ben, admin }: { ana: Person; ben: Person; admin: Person }): Promise<Body> {
  const published = await admin.call('PUT', '/admin/flows/catalogue/', catalogue);
  if (published.status !== 201 && published.status !== 200) {
    throw new Error(`publish: ${published.status} ${JSON.stringify(published.body)}`);
  }
  const answered = await ana.answerAll(await ana.start({ flow: 'catalogue' }), { name: `Catalogue of ${ana.subject}` });
  const session = await ana.inState(answered.session_id as string, 'awaiting_approval');
  const { body: proposal } = await ben.get(`/sessions/${session.session_id}/recommendations/`);
  const { body } = await ben.post(`/sessions/${session.session_id}/decision/`, {
    approved_items: proposal.recommendations.map((item: Body) => item.recommendation_id), dry_run: false,
  });
  if (body.status !== 'pending_second_approval') throw new Error(`decision: ${JSON.stringify(body)}`);
  return { ...session, approval_id: body.approval_id };
}
