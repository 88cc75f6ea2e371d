/** What the worker bundles. */
export { onboardingSession } from './session.ts';
export { parkedTask } from './parked-task.ts';
export { redriveTasks } from './redrive.ts';
export { upkeep } from './upkeep.ts';
export { lookIntoUpload } from './upload.ts';
