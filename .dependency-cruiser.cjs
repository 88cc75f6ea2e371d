// The layers of docs/architecture.md: arrows point one way.
const tests = '\\.test\\.ts$';
const above = {
  domain: '^(workflows|activities|analytics|api|stores|scripts|bench|(service|worker|worker-role)\\.ts)',
  workflows: '^(analytics|api|stores|scripts|bench|(service|worker|worker-role)\\.ts)',
  activities: '^(workflows|api|scripts|bench|(service|worker|worker-role)\\.ts)',
  analytics: '^(workflows|activities|api|scripts|bench|(service|worker|worker-role)\\.ts)',
  stores: '^(workflows|activities|analytics|api|scripts|bench|(service|worker|worker-role)\\.ts)',
  api: '^(activities|scripts|bench|(service|worker|worker-role)\\.ts)',
};
module.exports = {
  forbidden: [
    ...Object.entries(above).map(([from, to]) => ({
      name: `${from}-points-down`, severity: 'error', from: { path: `^${from}/`, pathNot: tests }, to: { path: to },
    })),
    { name: 'domain-is-pure', severity: 'error', from: { path: '^domain/', pathNot: tests }, to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: '^node_modules/@noble/hashes' } },
    { name: 'workflows-import-activity-types-only', severity: 'error', from: { path: '^workflows/' }, to: { path: '^activities/', dependencyTypesNot: ['type-only'] } },
    { name: 'workflow-bundle-stays-small', severity: 'error', from: { path: '^workflows/' }, to: { dependencyTypes: ['core', 'npm'], pathNot: '^node_modules/(@temporalio/(workflow|common)|@noble/hashes)' } },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'no-dev-dependencies-in-production', severity: 'error', from: { path: '^(domain|workflows|activities|analytics|api|stores|(service|worker|worker-role)\\.ts)', pathNot: tests }, to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' }, exclude: { path: '(^|/)(\\.local|test/planted)/' }, tsPreCompilationDeps: true,
    parser: 'swc', enhancedResolveOptions: { extensions: ['.ts', '.js', '.cjs', '.mjs', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
