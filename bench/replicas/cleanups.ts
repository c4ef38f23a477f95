// What a measurement leaves behind is removed at its end, as after a test.
import type { Cleanup } from '../../test/e2e/helpers/program.ts';

export async function withCleanup<Result>(measure: (cleanup: Cleanup) => Promise<Result>): Promise<Result> {
  const steps: (() => unknown)[] = [];
  try {
    return await measure({ teardown: (step) => void steps.unshift(step) });
  } finally {
    for (const step of steps) await step();
  }
}
