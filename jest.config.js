import { availableParallelism } from 'node:os';
import { testFiles } from './test/support/kinds.ts';

const everyTest = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.local/'],
  transform: {
    '\\.ts$': ['@swc/jest', {
      jsc: { target: 'es2024', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
      module: { type: 'es6' },
    }],
  },
};
const { pure, servers } = testFiles();
const below = (path) => `<rootDir>/${path}`;

export default {
  // an upper bound for a machine that is busy with something else: whoever waits, waits for a condition
  testTimeout: 900_000,
  // the servers that tests start work beside them; each worker takes up to 1 GB
  maxWorkers: Math.min(availableParallelism(), 6),
  testSequencer: '<rootDir>/test/support/sequencer.ts',
  projects: [
    { ...everyTest, displayName: 'pure', testMatch: pure.map(below) },
    {
      ...everyTest, displayName: 'servers', testMatch: servers.map(below),
      globalSetup: '<rootDir>/test/support/global-setup.ts', globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    },
  ],
};
