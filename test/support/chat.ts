/** The chat of an instance, as a person has it open who has no mouse. */
import type { Page } from 'playwright-core';
import { heading, press, settled, tabTo } from './browser.ts';
import type { InstanceAddress } from './instance.ts';
import { tokenFor } from './person.ts';

export const titles = { business_unit_setup: 'Set up a business unit', site_survey: 'Survey a site' } as const;

/** By the link with a token, to the page of the flow. */
export async function openChat(
  page: Page, instance: InstanceAddress, tenant: string, { subject = 'ana', flow = 'business_unit_setup', language = '' } = {},
): Promise<void> {
  const token = await tokenFor(instance, tenant, subject, ['user']);
  await page.goto(`/o/${flow}${language}#t=${token}`);
  await settled(page);
}

export const asked = (page: Page, prompt: string) => page.getByRole('form', { name: prompt, exact: true });

/** Types into the text box of a question and sends it by Enter. */
export async function type(page: Page, prompt: string, words: string): Promise<void> {
  await asked(page, prompt).waitFor();
  await tabTo(page, 'textbox', prompt);
  await page.keyboard.type(words);
  await page.keyboard.press('Enter');
}

/** Chooses an option by arrows and sends it. */
export async function choose(page: Page, prompt: string, label: string): Promise<void> {
  const group = page.getByRole('radiogroup', { name: prompt, exact: true });
  await group.waitFor();
  await group.getByRole('radio').first().focus();
  await page.keyboard.press('Space');
  for (let presses = 0; presses < 20 && !await group.getByRole('radio', { name: label, exact: true }).isChecked(); presses += 1) {
    await page.keyboard.press('ArrowDown');
  }
  await press(page, 'button', 'Send');
}

export const started = (page: Page): Promise<void> => heading(page, titles.business_unit_setup).waitFor();
