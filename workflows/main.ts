/** What the worker bundles. */
export { onboardingSession } from './session.ts';
