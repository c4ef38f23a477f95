// Tests of promises about real time, one after the other, so that they compete with nothing but themselves.
import shared from './ava.config.js';

export default { ...shared, files: ['test/**/*.timing.test.ts', '!test/e2e/**'], concurrency: 1, serial: true };
