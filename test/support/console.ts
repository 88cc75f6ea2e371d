/** The console of an instance, as somebody of a tenant has it open. */
import { expect } from '@jest/globals';
import type { Browser } from 'playwright-core';
import type { Role } from '../../domain/message.ts';
import { signIn, view, type Viewing, type ViewingOptions } from './browser.ts';
import type { InstanceAddress } from './instance.ts';
import { tokenFor } from './person.ts';

export function consoleOf(instance: InstanceAddress, browser: () => Browser) {
  return {
    /** A browser profile of its own, closed afterwards; none may have had a fault. */
    viewing: async (work: (viewed: Viewing) => Promise<void>, options: ViewingOptions = {}): Promise<void> => {
      const viewed = await view(browser(), instance.url, options);
      try {
        await work(viewed);
      } finally {
        await viewed.context.close();
      }
      expect(viewed.faults).toEqual([]);
    },
    as: async (viewed: Viewing, tenant: string, subject: string, ...roles: readonly Role[]): Promise<void> => {
      await signIn(viewed, await tokenFor(instance, tenant, subject, roles));
    },
  };
}
