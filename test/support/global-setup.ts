/** Before the tests that need servers. What is shared starts only when it is asked for. */
import { startKeeper, type Keeper } from './keeper.ts';
import { nameKeeper } from './shared.ts';

declare global {
  var keeperOfTests: Keeper | undefined;
}

export default async function setUp(): Promise<void> {
  const keeper = await startKeeper();
  globalThis.keeperOfTests = keeper;
  nameKeeper(keeper.url);
}
