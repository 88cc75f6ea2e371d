// The plan of docs/architecture.md: each room, and the rooms below it that it may use. A folder that is no room yet is refused.
const mayUse = {
  domain: [],
  encryption: ['domain'],
  outside: ['domain'],
  metrics: ['domain', 'outside'],
  stores: ['domain', 'encryption', 'outside', 'metrics'],
  uploads: ['domain', 'encryption', 'outside', 'metrics', 'stores'],
  flows: ['domain', 'stores'],
  analytics: ['domain', 'stores'],
  workflows: ['domain', 'activities'],
  activities: ['domain', 'encryption', 'outside', 'metrics', 'stores', 'uploads', 'flows', 'analytics'],
  engine: ['domain', 'encryption', 'stores', 'workflows', 'activities'],
  api: ['domain', 'encryption', 'outside', 'metrics', 'stores', 'uploads', 'flows', 'analytics', 'workflows', 'engine'],
  web: ['domain', 'api'],
  service: [
    'domain', 'encryption', 'outside', 'metrics', 'stores', 'uploads', 'flows', 'analytics', 'workflows', 'activities', 'engine', 'api',
  ],
};
const rooms = Object.keys(mayUse);
const tests = '\\.test\\.ts$';
const anyRoom = `^(${rooms.join('|')})/`;
module.exports = {
  forbidden: [
    ...rooms.map((room) => ({
      name: `${room}-points-down`, severity: 'error', from: { path: `^${room}/`, pathNot: tests },
      to: {
        path: '^[^/]+', pathNot: `^(${[room, ...mayUse[room]].join('|')})/|^node_modules/`, dependencyTypesNot: ['core', 'npm', 'npm-dev'],
      },
    })),
    {
      name: 'domain-is-pure', severity: 'error', from: { path: '^domain/', pathNot: tests },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: '^node_modules/@noble/hashes' },
    },
    {
      name: 'workflows-import-activity-types-only', severity: 'error', from: { path: '^workflows/' },
      to: { path: '^activities/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'workflow-bundle-stays-small', severity: 'error', from: { path: '^workflows/', pathNot: tests },
      to: { dependencyTypes: ['core', 'npm'], pathNot: '^node_modules/(@temporalio/(workflow|common)|@noble/hashes)' },
    },
    {
      name: 'only-engine-and-service-talk-to-temporal', severity: 'error', from: { path: anyRoom, pathNot: `^(engine|service)/|${tests}` },
      to: { path: '^node_modules/@temporalio/(client|worker)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'web-takes-types-of-the-contract-only', severity: 'error', from: { path: '^web/' },
      to: { path: anyRoom, pathNot: '^web/|^domain/(flow|json)\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'web-needs-no-node', severity: 'error', from: { path: '^web/', pathNot: tests }, to: { dependencyTypes: ['core'] },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    {
      name: 'no-circles-of-types', severity: 'error', from: { path: anyRoom },
      to: { circular: true, viaOnly: { pathNot: '^activities/tasks\\.ts$' } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependencies-in-production', severity: 'error', from: { path: anyRoom, pathNot: tests },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' }, exclude: { path: '(^|/)(\\.local|test/planted|test/clients/programs)/' }, tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.cjs', '.mjs', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'],
    },
  },
};
