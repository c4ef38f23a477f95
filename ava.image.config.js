// Tests of the image, which need CONTAINER_TOOLS. One after the other: they measure real time.
import shared from './ava.e2e.config.js';

export default { ...shared, files: ['test/e2e/image.test.ts'] };
