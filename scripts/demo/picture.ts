/** A picture of a place, another one for each seed: drawn, so that nobody's photo is needed. */
import sharp from 'sharp';
import { seeded } from './random.ts';

const [width, height] = [1_200, 900];

/** JPEG. */
export async function pictureOf(seed: number): Promise<Uint8Array> {
  const random = seeded(seed);
  const [hue, eaves] = [random.whole(0, 359), random.whole(260, 420)];
  const windows = Array.from({ length: random.whole(3, 6) }, (_, at) => (
    `<rect x="${280 + at * 110}" y="${eaves + 90}" width="64" height="90" fill="hsl(${hue} 20% ${random.whole(20, 85)}%)"/>`
  ));
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="hsl(${200 + random.whole(-25, 25)} 60% 70%)"/><stop offset="1" stop-color="hsl(40 60% 92%)"/>
    </linearGradient></defs>
    <rect width="${width}" height="${height}" fill="url(#sky)"/>
    <rect y="700" width="${width}" height="200" fill="hsl(100 20% ${random.whole(30, 50)}%)"/>
    <rect x="220" y="${eaves}" width="760" height="${720 - eaves}" fill="hsl(${hue} 25% 60%)"/>
    <path d="M180 ${eaves} L600 ${eaves - 150} L1020 ${eaves} Z" fill="hsl(${hue} 35% 38%)"/>
    ${windows.join('')}<rect x="550" y="560" width="110" height="160" fill="hsl(25 45% 28%)"/></svg>`;
  return Uint8Array.from(await sharp(Buffer.from(drawing)).jpeg({ quality: 80 }).toBuffer());
}
