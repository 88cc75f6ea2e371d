/** After all tests: the shared instances drain and end; that they do so cleanly is itself a guarantee. */
export default async function tearDown(): Promise<void> {
  await globalThis.keeperOfTests?.stop();
}
