/** Pages of an instance, as somebody of a tenant has them open. */
import { expect } from '@jest/globals';
import type { Browser } from 'playwright-core';
import type { Role } from '../../domain/message.ts';
import { looked, signIn, view, type Viewing, type ViewingOptions } from './browser.ts';
import type { InstanceAddress } from './instance.ts';
import { tokenFor } from './person.ts';

export type Look = (what: string) => Promise<void>;

export function consoleOf(instance: InstanceAddress, browser: () => Browser) {
  /** A browser profile of its own, closed afterwards; none may have had a fault. */
  const viewing = async (work: (viewed: Viewing) => Promise<void>, options: ViewingOptions = {}): Promise<void> => {
    const viewed = await view(browser(), instance.url, options);
    try {
      await work(viewed);
    } finally {
      await viewed.context.close();
    }
    expect(viewed.faults).toEqual([]);
  };
  return {
    viewing,
    /** The same, as a walk through states that are looked at: nothing may be wrong with any. */
    walking: async (walk: (viewed: Viewing, look: Look) => Promise<void>): Promise<void> => {
      const wrong: string[] = [];
      await viewing((viewed) => walk(viewed, async (what) => { wrong.push(...await looked(viewed.page, what)); }));
      expect(wrong).toEqual([]);
    },
    as: async (viewed: Viewing, tenant: string, subject: string, ...roles: readonly Role[]): Promise<void> => {
      await signIn(viewed, await tokenFor(instance, tenant, subject, roles));
    },
  };
}
