/** After all tests: the shared instance drains and ends; that it does so cleanly is itself a guarantee. */
import { discard } from './instance.ts';

export default async function tearDown(): Promise<void> {
  await discard(globalThis.gangwayUnderTest);
}
