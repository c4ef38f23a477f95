// Tests against real parts that take minutes, because they wait for the clock of Prometheus or of the simulator. They need little of the machine, so
// three files run at the same time. Run by test/e2e/run.ts.
import shared from './ava.config.js';

export default { ...shared, files: ['test/e2e/**/*.waiting.test.ts'], concurrency: 3 };
