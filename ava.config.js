// Tests that only need npm packages. Those in *.timing.test.ts measure real time: they run alone, in a second pass (ava.timing.config.js).
export default {
  files: ['test/**/*.test.ts', '!test/**/*.timing.test.ts', '!test/e2e/**'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  timeout: '5m',
};
