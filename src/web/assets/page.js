// Refreshes the status page: updates times, enables copy buttons, and fetches the live parts again. The page works without it.

/** From the end of one refresh to the next. */
const REFRESH_MS = 10_000;
/** A refresh that takes longer is aborted: then the exporter or the network has a problem. */
const REFRESH_TIMEOUT_MS = 20_000;
const COPIED_MS = 1_500;
const STEPS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

// All times are those of the server's clock.
const served = Date.parse(document.querySelector('main').dataset.now);
let ahead = served - Date.now();

function spanText(ms) {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const first = STEPS.findIndex(([size]) => seconds >= size);
  if (first < 0) return '0 s';
  const [size, unit] = STEPS[first];
  const [nextSize, nextUnit] = STEPS[first + 1] ?? [1, ''];
  const rest = Math.floor((seconds % size) / nextSize);
  const head = `${Math.floor(seconds / size)} ${unit}`;
  return rest === 0 || nextUnit === '' ? head : `${head} ${rest} ${nextUnit}`;
}

function updateTimes() {
  const now = Date.now() + ahead;
  for (const time of document.querySelectorAll('time[data-kind]')) {
    const at = Date.parse(time.dateTime);
    const text =
      time.dataset.kind === 'ago' ? `${spanText(now - at)} ago` : at <= now ? 'due' : `in ${spanText(at - now)}`;
    if (time.textContent !== text) time.textContent = text;
  }
}

function showCopyButtons() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll('button[data-copy]')) button.hidden = false;
}

/** Replaces a live part, unless it has the focus or a selection, which would be lost. */
async function refresh(signal) {
  const response = await fetch(location.href, { headers: { accept: 'text/html' }, signal });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  ahead = Date.parse(fresh.querySelector('main').dataset.now) - Date.now();
  for (const part of document.querySelectorAll('[data-live]')) {
    const replacement = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (replacement && !isInUse(part)) part.replaceWith(replacement);
  }
  showCopyButtons();
  updateTimes();
}

/** One refresh at a time, and none while the page is hidden. */
async function keepFresh() {
  for (;;) {
    await pause(REFRESH_MS);
    while (document.hidden) await nextEvent(document, 'visibilitychange');
    const giveUp = new AbortController();
    const timeout = setTimeout(() => giveUp.abort(), REFRESH_TIMEOUT_MS);
    // The exporter may be restarting. The next refresh tries again, and the times on the page show its age.
    await refresh(giveUp.signal).catch(() => {});
    clearTimeout(timeout);
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function nextEvent(target, name) {
  return new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));
}

function isInUse(part) {
  const selection = getSelection();
  const selected = selection !== null && !selection.isCollapsed && part.contains(selection.anchorNode);
  return selected || part.contains(document.activeElement);
}

document.addEventListener('click', async ({ target }) => {
  const button = target.closest?.('button[data-copy]');
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const label = button.firstChild;
  label.textContent = 'Copied';
  button.blur();
  setTimeout(() => {
    label.textContent = 'Copy';
  }, COPIED_MS);
});

showCopyButtons();
setInterval(updateTimes, 1_000);
keepFresh();
