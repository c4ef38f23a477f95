// Targets that never end: in their opening, in an input, in their closing.
import fc from 'fast-check';
import { defineTarget, type Target } from '../../fuzz/target.ts';

const never = () => new Promise<never>(() => setInterval(() => undefined, 1_000));

function hanging(name: string, at: 'opening' | 'input' | 'closing'): Target {
  return defineTarget({
    name,
    sentence: 'all numbers are taken',
    share: 1,
    inputs: fc.constant(7),
    open: async () => {
      if (at === 'opening') await never();
      return {
        check: () => (at === 'input' ? never() : 'taken'),
        close: async () => {
          if (at === 'closing') await never();
        },
      };
    },
  });
}

export const TARGETS: readonly Target[] = [
  hanging('opening', 'opening'),
  hanging('input', 'input'),
  hanging('closing', 'closing'),
];
