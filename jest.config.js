export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  // a test beside its code anywhere is run
  testMatch: ['<rootDir>/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/.local/', '<rootDir>/test/planted/'],
  modulePathIgnorePatterns: ['<rootDir>/.local/'],
  testTimeout: 60_000,
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  transform: {
    '\\.ts$': ['@swc/jest', {
      jsc: { target: 'es2024', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
      module: { type: 'es6' },
    }],
  },
};
