/** The chat of an instance, as a person has it open who has no mouse. */
import type { Page } from 'playwright-core';
import { heading, press, settled, tabTo } from './browser.ts';
import type { InstanceAddress } from './instance.ts';
import { tokenFor, type Body, type Person } from './person.ts';
import type { File } from './uploading.ts';

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

export const prompts = {
  setup_urgency: 'How soon do you need this set up?', business_unit_type: 'What kind of place is it?',
  business_unit_name: 'What is it called?',
  expected_users: 'How many people will work there?', operating_hours: 'What are its operating hours?',
  security_level: 'Which level of security does it need?', gps_tracking: 'Should attendance be checked by GPS?',
  permissible_distance_m: 'How many metres from the site may people check in?',
  sleeping_guard_check: 'Should we check that guards on duty are awake?',
  contact_email: 'Which email address should we write to about this place?', go_live_on: 'On which day should it go live?',
} as const;

export async function sayTimes(page: Page, from: string, until: string): Promise<void> {
  await asked(page, prompts.operating_hours).waitFor();
  await tabTo(page, 'textbox', 'From');
  await page.keyboard.type(from);
  await tabTo(page, 'textbox', 'Until');
  await page.keyboard.type(until);
  await press(page, 'button', 'Send');
}

/** To the last question, or past it. */
export async function throughSecurity(page: Page, level: 'Basic' | 'Standard'): Promise<void> {
  await choose(page, prompts.setup_urgency, 'Immediately');
  await choose(page, prompts.business_unit_type, 'Office');
  await type(page, prompts.business_unit_name, 'Pune Office');
  await type(page, prompts.expected_users, '24');
  await sayTimes(page, '09:00', '17:30');
  await choose(page, prompts.security_level, level);
  if (level === 'Standard') {
    await choose(page, prompts.gps_tracking, 'Yes');
    await type(page, prompts.permissible_distance_m, '100');
  }
  await asked(page, prompts.contact_email).waitFor();
  await press(page, 'button', 'Skip');
  await page.getByRole('region', { name: 'Your answers' }).waitFor();
}

export const status = (page: Page, words: string | RegExp): Promise<void> => page.getByRole('status').getByText(words).waitFor();

export const sessionOf = async (ana: Person): Promise<Body> => {
  const { body: { results: [{ session_id: id }] } } = await ana.get('/sessions/');
  return (await ana.get(`/sessions/${id}/`)).body;
};

/** What counts, by question. */
export const answersOf = async (ana: Person, id: string): Promise<Record<string, unknown>> => Object.fromEntries(
  (await ana.get(`/sessions/${id}/answers/`)).body.answers.filter(({ superseded }: Body) => !superseded)
    .map(({ question_id: question, value }: Body) => [question, value]),
);

/** What is proposed is approved, all of it, and applied. */
export async function approveAll(ben: Person, id: string): Promise<void> {
  const { body: { proposal_hash, recommendations } } = await ben.get(`/sessions/${id}/recommendations/`);
  await ben.post(`/sessions/${id}/decision/`, {
    approved_items: recommendations.map(({ recommendation_id: item }: Body) => item), proposal_hash, dry_run: false,
  });
}

/** Of `site_survey`, before its first question for a file. */
const surveyed: Readonly<Record<string, unknown>> = {
  site_name: 'Harbour', surveyed_on: '2027-01-15', guarded_hours: { start: '22:00', end: '06:00' }, equipment: ['lights'], risk_seen: 'low',
};

/** Answers a survey until `question` is asked. */
export async function surveyUntil(ana: Person, id: string, question: 'equipment' | 'entrance_photo'): Promise<void> {
  for (let asked = (await ana.get(`/sessions/${id}/`)).body.question.id; asked !== question;) {
    const { body, status: answered } = await ana.answer(id, asked, surveyed[asked]);
    if (answered !== 200) throw new Error(`${asked}: ${answered}`);
    asked = body.question.id;
  }
}

export const photoPrompt = 'Is there a photo of the entrance?';

/** Through the browser's own dialog of files. */
export async function chooseFile(page: Page, { content, name, type: mimeType }: File): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await press(page, 'button', 'Choose file');
  await (await chooser).setFiles({ name, mimeType, buffer: Buffer.from(content) });
}
