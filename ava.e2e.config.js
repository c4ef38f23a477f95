// Tests against real parts, one after the other: they measure real time and use real programs. Run by test/e2e/run.ts.
import shared from './ava.config.js';

export default {
  ...shared,
  files: ['test/e2e/**/*.test.ts', '!test/e2e/**/*.waiting.test.ts', '!test/e2e/image.test.ts'],
  concurrency: 1,
  serial: true,
};
