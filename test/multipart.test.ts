/** Reading a form: never more of a file in memory than its reader has taken and a little. */
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { readForm } from '../api/multipart.ts';

const boundary = 'b-1';
const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n`;
const chunkBytes = 65_536;

test('of a sender faster than the store never more than 256 KB are in memory, and all of it arrives', async () => {
  const content = randomBytes(64 * chunkBytes);
  let [given, taken, most] = [0, 0, 0];
  const chunks = async function* (): AsyncIterable<Uint8Array> {
    yield Buffer.from(head);
    for (let at = 0; at < content.length; at += chunkBytes) {
      given += chunkBytes;
      most = Math.max(most, given - taken);
      yield content.subarray(at, at + chunkBytes);
    }
    yield Buffer.from(`\r\n--${boundary}--\r\n`);
  };
  const body = { contentType: `multipart/form-data; boundary=${boundary}`, contentEncoding: '', bytes: null, chunks };
  const pieces: Uint8Array[] = [];
  await readForm(body, [], async ({ file }) => {
    for await (const piece of file.bytes) {
      // whoever stores it is slow: everything that could be read meanwhile is
      for (let turns = 0; turns < 20; turns += 1) await turn();
      pieces.push(Uint8Array.from(piece));
      taken += piece.length;
    }
  });
  expect(Buffer.concat(pieces).equals(content)).toBe(true);
  expect(most).toBeLessThanOrEqual(256 * 1_024);
});
