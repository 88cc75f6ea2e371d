/** A process that stores one file below the folder it is given, and never comes to its end: to be killed. */
import { createChunkSealer } from '../../encryption/sealed-chunks.ts';
import { readCodecKeys } from '../../encryption/sealer.ts';
import { openFolder } from '../../stores/files/folder.ts';
import { testCodecKeys } from './codec-keys.ts';

async function* endless(): AsyncIterable<Uint8Array> {
  yield Buffer.alloc(300_000);
  await new Promise((resolve) => { setTimeout(resolve, 600_000); });
}
const sealer = createChunkSealer(readCodecKeys(testCodecKeys));
await openFolder(process.argv[2] ?? '', sealer).put('session/upload', endless());
