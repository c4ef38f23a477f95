// A text with names in it. Names are free text, so each is isolated from the direction of the text around it.

import type { Part } from './findings.ts';
import { shortName } from './texts.ts';

export function Parts({ parts }: { readonly parts: readonly Part[] }) {
  return (
    <>
      {parts.map((part, index) =>
        typeof part === 'string' ? (
          part
        ) : (
          <bdi key={String(index)} title={part.name}>
            {shortName(part.name)}
          </bdi>
        ),
      )}
    </>
  );
}
