import { describe, expect, test } from '@jest/globals';
import { askedIn, clock, outcomeOf, ownCases, sharedCases, takenValue, type Case } from '../../test/corpus/cases.ts';
import { languages } from './languages/index.ts';
import { readText } from './read-text.ts';

const shared = await sharedCases();
const own = await ownCases();

function outcomes(cases: readonly Case[]) {
  return cases.map((each) => {
    const asked = askedIn(each);
    const reading = readText(asked, each.text, clock);
    return {
      outcome: outcomeOf(each, takenValue(asked, reading)),
      line: `${each.question} ${each.language} ${JSON.stringify(each.text)} -> ${JSON.stringify(reading)}`,
    };
  });
}

/** The shared ones were not written with the reader, so some may miss; the languages' own are what is promised. */
describe.each([
  ['the shared utterances', shared, 597, { wrong: 0.005, missed: 0.03 }],
  ['the corpora of the languages', own, 1_000, { wrong: 0, missed: 0 }],
] as const)('of %s', (_what, cases, least, most) => {
  const all = outcomes(cases);
  const lines = (outcome: string) => all.filter((each) => each.outcome === outcome).map(({ line }) => line);

  test(`at most ${most.wrong * 100} in 100 are taken for a wrong value`, () => {
    expect(cases.length).toBeGreaterThanOrEqual(least);
    expect({ share: lines('wrong').length / all.length <= most.wrong, wrong: lines('wrong') }).toEqual(
      { share: true, wrong: expect.any(Array) },
    );
  });

  test(`at most ${most.missed * 100} in 100 that are plain are not understood`, () => {
    expect({ share: lines('missed').length / all.length <= most.missed, missed: lines('missed') }).toEqual(
      { share: true, missed: expect.any(Array) },
    );
  });
});

test.each(languages.map(({ tag }) => tag))('the corpus of %s has cases for every question that is answered in words', (tag) => {
  const cases = own.filter(({ language }) => language === tag);
  const questions = new Set(shared.map(({ question }) => question));
  for (const question of questions) {
    expect([question, cases.some((each) => each.question === question)]).toEqual([question, true]);
  }
});
