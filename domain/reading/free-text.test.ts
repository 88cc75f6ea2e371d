import { expect, test } from '@jest/globals';
import { unframed } from './free-text.ts';

test.each([
  ['Its name is Lotus Store', 'Lotus Store'],
  ['It’s called “Lotus Store”', 'Lotus Store'],
  ['The name is: its name is Lotus Store', 'The name is: its name is Lotus Store'],
  ['The name is its name is Lotus Store', 'Lotus Store'],
  ['इसका नाम लोटस स्टोर है', 'लोटस स्टोर'],
  ['iska naam Lotus Store hai', 'Lotus Store'],
  ['Name Badge Shop', 'Name Badge Shop'],
  ['Call Centre North', 'Call Centre North'],
  ['It Works', 'It Works'],
  ['  Pune Office no. 5 ', '  Pune Office no. 5 '],
  ['name:', 'name:'],
  ['नाम', 'नाम'],
])('of "%s" the name is "%s"', (text, name) => {
  expect(unframed(text)).toBe(name);
  expect(unframed(name)).toBe(name);
});
