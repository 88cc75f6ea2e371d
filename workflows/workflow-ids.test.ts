/** Ids of workflows: bounded for every tenant that is allowed, one for each, and the codec reads from them whose a payload is. */
import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isTenantName } from '../stores/postgres/database.ts';
import {
  isHashedKey, parseWorkflowId, redriveWorkflowId, sessionWorkflowId, taskWorkflowId, tenantKey, uploadWorkflowId,
} from './workflow-ids.ts';

const anyTenant = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 128 }), fc.string({ minLength: 1, maxLength: 128 }),
  fc.integer({ min: 1, max: 128 }).map((length) => '测'.repeat(length)),
  fc.integer({ min: 1, max: 64 }).map((length) => '𠮷'.repeat(length)),
  fc.string({ minLength: 1, maxLength: 126 }).map((name) => `=${name}`),
).filter(isTenantName);

test('an id is shorter than the 255 characters of an SQL store, ASCII, and read back, for every tenant that is allowed', () => {
  fc.assert(fc.property(anyTenant, (tenant) => {
    const id = randomUUID();
    for (
      const [kind, workflowId] of [
        ['session', sessionWorkflowId(tenant, id)], ['task', taskWorkflowId(tenant, id)], ['redrive', redriveWorkflowId(tenant, id)],
        ['upload', uploadWorkflowId(tenant, id)],
      ] as const
    ) {
      expect(workflowId.length).toBeLessThan(255);
      expect(workflowId).toMatch(/^[\x21-\x7e]+$/);
      expect(parseWorkflowId(workflowId)).toEqual({ kind, tenant: tenantKey(tenant), id });
    }
  }), { numRuns: 500 });
});

test('two tenants never share an id, and a name that looks like a hash is no way to that of another', () => {
  fc.assert(fc.property(anyTenant, anyTenant, (one, two) => {
    fc.pre(one !== two);
    expect(tenantKey(one)).not.toBe(tenantKey(two));
    expect(tenantKey(tenantKey(one))).toEqual(isHashedKey(tenantKey(one)) ? expect.not.stringMatching(`^${tenantKey(one)}$`) : one);
  }), { numRuns: 500 });
});

test('a name is its own key while its encoded form is short', () => {
  for (const tenant of ['acme', 'Gouda & Söhne: Käse', '测'.repeat(16)]) expect(tenantKey(tenant)).toBe(tenant);
  for (const tenant of ['测'.repeat(17), '测'.repeat(107), '&'.repeat(51), '=acme']) expect(tenantKey(tenant)).toMatch(/^=[0-9a-f]{32}$/);
});
