import { z } from 'zod';
import { changeRisk, changeRiskParts, needsSecondApprover, type Change } from '../../domain/changeset.ts';
import type { MissingDependency } from '../../domain/decision.ts';
import type { DecisionBody } from '../../domain/message.ts';
import type { Recommendation } from '../../domain/recommendation.ts';
import type { DecisionOutcome } from '../../domain/session-state.ts';
import { notFound, Problem } from '../problem.ts';
import { onePerson, roleWithdrawn } from '../../stores/change-target/approvers.ts';
import { findApproval, findChangeset } from '../../stores/postgres/changesets.ts';
import type { Database } from '../../stores/postgres/database.ts';
import { bodyHash } from '../idempotency.ts';
import { projected } from '../projection.ts';
import { audited, ok, route, type AuditNote } from '../route.ts';
import { ChangeWire, clientId, json, rate, sessionParams, targetValues, uuid } from '../wire.ts';

const ids = z.array(uuid).max(200).default([]);

const DecisionRequest = z.strictObject({
  approved_items: ids, rejected_items: ids, reasons: z.record(uuid, z.string().max(1_000)).default({}),
  modifications: z.record(uuid, z.record(z.string().max(100), json)).default({}),
  proposal_hash: z.string().max(128).optional().meta({
    description: 'Of the proposal that was shown; another one answers 409 stale_proposal',
  }),
  dry_run: z.boolean().default(true),
  accept_missing_dependencies: z.boolean().default(false).meta({
    description: 'Approves items although one they depend on is rejected and does not exist yet; without it 422 dependency_rejected',
  }),
}).meta({ id: 'DecisionRequest' });

const Risk = z.object({
  score: rate, parts: z.object({ size: rate, deletions: rate, dependencies: rate }),
  two_people: z.boolean().meta({ description: 'So much needs a second approver' }),
}).meta({ id: 'ChangeRisk' });

export const Recommendations = z.object({
  proposal_hash: z.string().nullable(),
  recommendations: z.array(z.object({
    recommendation_id: uuid, target: z.string(), operation: z.enum(['create', 'update', 'delete']), before: targetValues.nullable(),
    after: targetValues.nullable(),
    confidence: rate, decision: z.string(), rationale: z.string(), status: z.enum(['pending', 'approved', 'modified', 'rejected']),
    depends_on: z.array(uuid).meta({ description: 'Items of this proposal whose change has to come first' }),
  })),
  risk: Risk.nullable().meta({ description: 'Of what was approved, or while nothing is decided of all that is proposed' }),
  consensus: z.object({ confidence: rate, decision: z.enum(['ready', 'needs_review']) }).nullable(),
}).meta({ id: 'Recommendations' });

export const DecisionResult = z.object({
  dry_run: z.boolean(), changeset_id: uuid.nullable(), status: z.enum([
    'preview', 'applied', 'pending_second_approval', 'rejected', 'applying',
  ])
    .meta({ description: 'applying: the decision stands, and its changeset waits in the dead letter queue for an operator' }),
    changes: z.array(ChangeWire),
  risk_score: rate, two_people: z.boolean().meta({ description: 'Has to be approved by a second person too' }),
    approval_id: uuid.optional().meta({ description: 'Of the second approval, when two people have to approve' }),
  warnings: z.array(z.object({
    code: z.literal('dependency_rejected'), message: z.string(), recommendation_id: uuid, depends_on: uuid,
  })).meta({ description: 'What was approved without what it depends on' }),
}).meta({ id: 'DecisionResult' });

const ApprovalRequest = z.strictObject({ decision: z.enum(['approve', 'reject', 'escalate']), reason: z.string()
  .trim().min(1).max(1_000).optional() }).meta({ id: 'ApprovalRequest' });
export const ApprovalResult = z.object({
  approval_id: uuid, changeset_id: uuid, status: z.enum(['applied', 'rejected', 'pending_second_approval', 'escalated', 'applying']),
}).meta({ id: 'ApprovalResult' });

export const decisionRoutes = [
  route.get('/sessions/:session_id/recommendations', {
    summary: 'The proposed configuration', access: ['user', 'approver'], limits: ['api'],
    audit: { action: 'proposal.read', when: 'others' }, params: sessionParams, query: z.strictObject(clientId),
    answers: { 200: Recommendations },
    handler: async ({ params, call, services }) => {
      const { proposal, statuses, view } = await services.sessions.proposal(call.actor, params.session_id);
      if (proposal === null) return audited(ok({ proposal_hash: null, recommendations: [], risk: null, consensus: null }),
        { owner: view.owner });
      return audited(ok({
        proposal_hash: proposal.hash, risk: riskOf(proposal.recommendations, statuses), consensus: { confidence: proposal.confidence,
          decision: proposal.decision },
        recommendations: proposal.recommendations.map((item) => ({
          recommendation_id: item.recommendation_id, target: item.target, operation: item.operation, before: copy(item.before),
          after: copy(item.after),
          confidence: item.confidence, decision: item.confidence >= 0.7 ? 'ready' : 'needs_review', rationale: item.rationale,
          status: statusOf(statuses[item.recommendation_id]), depends_on: [...item.depends_on],
        })),
      }), { owner: view.owner });
    },
  }),
  route.post('/sessions/:session_id/decision', {
    summary: 'Approve, reject or modify a proposal item by item; a dry run unless told otherwise', access: ['approver'], limits: ['api'],
    audit: 'proposal.decide', params: sessionParams, body: DecisionRequest,
    example: { approved_items: ['0b0e7a52-6f1c-4d0a-9a3e-0c8f5b7f2d11'], dry_run: true },
    answers: { 200: DecisionResult },
    problems: ['wrong_state', 'stale_proposal', 'same_person', 'precondition_failed', 'dependency_rejected'],
    handler: async ({ params, body, call, services }) => {
      const { dry_run: dryRun, proposal_hash: hash, ...items } = body;
      const decision: DecisionBody = { ...items, proposal_hash: hash ?? null };
      if (dryRun) {
        const draft = await services.sessions.preview(call.actor, params.session_id, decision, call.ifMatch);
        return audited(
          ok({
            dry_run: true, changeset_id: null, status: 'preview' as const, changes: draft.changes.map(presentChange),
            risk_score: draft.risk_score, two_people: draft.needs_second_approver, warnings: draft.missing_dependencies.map(warningOf),
          }),
          decided(decision, { dry_run: true }),
        );
      }
      // a decision that could not be applied would stay half done: PostgreSQL has to be there
      await services.stores.db.query('SELECT 1');
      const { outcome, view } = await services.sessions.decide(params.session_id, {
        id: call.operationId, fingerprint: bodyHash(body).slice(0, 16), actor: call.actor, correlation_id: call.correlationId,
        if_match: call.ifMatch, body: decision,
      });
      if (view.tenant !== call.actor.tenant) throw notFound();
      await projected(services, view);
      const status = outcome.status === 'pending_second_approval' ? outcome.status : await settled(
        services.stores.db, view.tenant, outcome,
      );
      return audited(ok({
        dry_run: false, changeset_id: outcome.changeset_id, status, changes: outcome.changes.map(presentChange),
        risk_score: outcome.risk_score, two_people: outcome.approval_id !== null,
          warnings: (outcome.missing_dependencies ?? []).map(warningOf),
        ...(outcome.approval_id === null ? {} : { approval_id: outcome.approval_id }),
      }), decided(decision, { dry_run: false, status: outcome.status, changeset_id: outcome.changeset_id }));
    },
  }),
  route.post('/approvals/:approval_id/decide', {
    summary: 'The second approval of a decision that needs two people', access: ['approver'], limits: ['api'], audit: 'approval.decide',
    params: z.object({ approval_id: uuid }), body: ApprovalRequest,
    example: { decision: 'approve', reason: 'As we agreed' },
    answers: { 200: ApprovalResult }, problems: ['wrong_state', 'same_person', 'stale_proposal'],
    handler: async ({ params, body, call, services }) => {
      const approval = await findApproval(services.stores.db, call.actor.tenant, params.approval_id);
      if (approval === null) throw notFound();
      const { outcome, view } = await services.sessions.approve(approval.session_id, {
        id: call.operationId, fingerprint: '', actor: call.actor, correlation_id: call.correlationId, if_match: null,
        body: { approval_id: params.approval_id, decision: body.decision, reason: body.reason ?? null },
      });
      await projected(services, view);
      const status = outcome.status === 'pending_second_approval' ? 'escalated' as const : await settled(
        services.stores.db, call.actor.tenant, outcome,
      );
      return audited(ok({ approval_id: params.approval_id, changeset_id: outcome.changeset_id, status }), {
        details: { decision: body.decision, status, changeset_id: outcome.changeset_id },
      });
    },
  }),
];

/** Of what was approved; while nothing is decided, of everything. */
function riskOf(
  items: readonly Recommendation[], statuses: Readonly<Record<string, string>>,
): z.input<typeof Risk> {
  const isDecided = items.some((item) => statusOf(statuses[item.recommendation_id]) !== 'pending');
  const counted = isDecided ? items.filter((item) => ['approved', 'modified'].includes(statuses[item.recommendation_id] ?? '')) : items;
  const hasDependencies = counted.some((item) => item.depends_on.length > 0);
  const score = changeRisk(counted, hasDependencies);
  return { score, parts: changeRiskParts(counted, hasDependencies), two_people: needsSecondApprover(score, counted.length) };
}

/** What the audit log keeps of a decision: how much of it, and the words that were given as reasons. */
function decided(decision: DecisionBody, details: NonNullable<AuditNote['details']>): AuditNote {
  const reasons = Object.values(decision.reasons).join('; ');
  return {
    details: { ...details, approved_items: decision.approved_items.length, rejected_items: decision.rejected_items.length },
    ...(reasons === '' ? {} : { reason: reasons }),
  };
}

async function settled(
  db: Database, tenant: string, { status, changeset_id }: DecisionOutcome,
): Promise<'applied' | 'rejected' | 'applying'> {
  if (status === 'applied' || status === 'rejected') return status;
  if (status === 'applying' || status === 'recording' || status === 'rolling_back') return 'applying';
  const found = await findChangeset(db, tenant, changeset_id);
  if (found?.changeset.failure === roleWithdrawn) throw withdrawn();
  if (found?.changeset.failure === onePerson) {
    throw new Problem(
      'same_person', 'Nothing was applied: two of those who have to be different people are one. A new proposal is being made.',
    );
  }
  throw new Problem('stale_proposal', 'What this proposal would change has changed meanwhile. A new proposal is being made.');
}

function withdrawn(): Problem {
  return new Problem('forbidden', 'Nothing was applied: an approver of this decision no longer holds the role. A new proposal is being ' +
    'made.', {
    errors: [{
      pointer: '', code: 'role_withdrawn',
      message: 'An approver no longer holds the role: the API key was revoked or has expired, or it or its maker lost the role.',
      fix: 'Wait for the new proposal and decide on it anew, each approver with a credential that counts.',
    }],
  });
}

function warningOf(missing: MissingDependency): z.input<typeof DecisionResult>['warnings'][number] {
  return { code: 'dependency_rejected', ...missing };
}

function presentChange(change: Change): z.input<typeof ChangeWire> {
  return {
    sequence: change.sequence, recommendation_id: change.recommendation_id, target: change.target, operation: change.operation,
    before: copy(change.before), after: copy(change.after),
  };
}

function copy<T extends object>(values: Readonly<T> | null): T | null {
  return values === null ? null : { ...values };
}

type Status = 'pending' | 'approved' | 'modified' | 'rejected';
function statusOf(status: string | undefined): Status {
  return status === 'approved' || status === 'modified' || status === 'rejected' ? status : 'pending';
}
