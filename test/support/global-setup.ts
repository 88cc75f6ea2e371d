/** Before all tests: one Gangway, started as a user starts it. */
import { newFolder, startInstance, type Instance } from './instance.ts';
import { shareInstance } from './shared.ts';

declare global {
  var gangwayUnderTest: Instance | undefined;
}

export default async function setUp(): Promise<void> {
  const instance = await startInstance(await newFolder());
  globalThis.gangwayUnderTest = instance;
  shareInstance({ url: instance.url, folder: instance.folder, pid: instance.pid });
}
