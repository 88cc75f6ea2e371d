/** Search attributes of sessions. The owner is an opaque id: nothing personal may stand here. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

export const sessionAttributes = {
  tenant: defineSearchAttributeKey('GwTenant', SearchAttributeType.KEYWORD),
  flow: defineSearchAttributeKey('GwFlow', SearchAttributeType.KEYWORD),
  state: defineSearchAttributeKey('GwState', SearchAttributeType.KEYWORD),
  stage: defineSearchAttributeKey('GwStage', SearchAttributeType.KEYWORD),
  owner: defineSearchAttributeKey('GwOwner', SearchAttributeType.KEYWORD),
} as const;

export const searchAttributeNames = Object.values(sessionAttributes).map((key) => key.name);
