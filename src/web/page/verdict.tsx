// The first line of the page: what is wrong, where, and what to do first; then what else is wrong.

import { plainText, type Tone, type Verdict } from './findings.ts';
import { Parts } from './parts.tsx';

const MARKS: Readonly<Record<Tone, string>> = { bad: '✕', warn: '!', busy: '…', good: '✓' };
/** Of the icon, on light and on dark bars of a browser. */
const ICON_COLOURS: Readonly<Record<Tone, string>> = {
  bad: '#d03a2f',
  warn: '#b86e00',
  busy: '#1769c2',
  good: '#1f8a4c',
};
/** Those after the first, which are shown beside each other. */
const MAX_OTHERS = 6;
const MAX_TITLE = 140;

export function VerdictLine({ verdict: { first, others } }: { readonly verdict: Verdict }) {
  return (
    <section class={`verdict tone-${first.tone}`} aria-labelledby="verdict-heading" data-live="verdict">
      <h2 id="verdict-heading" class="hidden">
        Verdict
      </h2>
      <span class="sign" aria-hidden="true">
        {MARKS[first.tone]}
      </span>
      <div>
        <p class="sentence">
          <a href={first.href}>
            <Parts parts={first.sentence} />
          </a>
        </p>
        {first.advice === '' && others.length === 0 ? null : (
          <p class="others">
            {first.advice} {others.length === 0 ? null : 'Also: '}
            {others.slice(0, MAX_OTHERS).map(({ tone, short, href }, index) => (
              <span key={String(index)}>
                {index === 0 ? null : ' · '}
                <a class={`tone-${tone}`} href={href}>
                  <Parts parts={short} />
                </a>
              </span>
            ))}
            {others.length > MAX_OTHERS ? ` · and ${others.length - MAX_OTHERS} more` : null}
          </p>
        )}
      </div>
    </section>
  );
}

/** The verdict for the tab of a browser: title and icon. */
export function TabVerdict({ verdict: { first } }: { readonly verdict: Verdict }) {
  const sentence = plainText(first.sentence);
  const shown = sentence.length > MAX_TITLE ? `${sentence.slice(0, MAX_TITLE)}…` : sentence;
  return (
    <>
      <title>{`${MARKS[first.tone]} ${shown} · acr-scan-exporter`}</title>
      <link rel="icon" href={iconOf(first.tone)} />
    </>
  );
}

function iconOf(tone: Tone): string {
  const text = `<text x="8" y="12.5" font-family="sans-serif" font-size="12" font-weight="bold" text-anchor="middle" fill="#fff">${MARKS[tone]}</text>`;
  const circle = `<circle cx="8" cy="8" r="8" fill="${ICON_COLOURS[tone]}"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${circle}${text}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
