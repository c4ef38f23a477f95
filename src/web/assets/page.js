// Refreshes the status page: updates times, enables copy buttons, and fetches the live parts again. The page works without it.

/** From the end of one refresh to the next. */
const REFRESH_MS = 8_000;
/** The second try, after a refresh that may have failed by chance. */
const RETRY_MS = 2_000;
/** A refresh that takes longer is aborted and has failed. */
const TIMEOUT_MS = 10_000;
/** A page that is older than this is stale after a single failure, for example when the computer wakes up. */
const MAX_AGE_MS = 30_000;
/** A part with a selection is not replaced for this long, so that the selected text can be copied. */
const SELECTION_MS = 60_000;
const COPIED_MS = 1_500;
const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];
const STALE_ICON =
  'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="%23808080"/></svg>';

/** A failed refresh. The message is for the reader of the page. */
class Problem extends Error {
  /** Whether only a reload of the page can help, since the browser has to show something else. */
  needsReload;

  constructor(message, needsReload = false) {
    super(message);
    this.needsReload = needsReload;
  }
}

/** The last answer: the server's time in it, and when it began to arrive, both in milliseconds. */
let heard = { servedMs: servedTime(document), arrivedMs: arrivalOfDocument() };
let failures = 0;
/** Whether refreshes have failed, so that the page may no longer be true. */
let isStale = false;
let selectedMs = 0;

function servedTime(page) {
  return Date.parse(page.querySelector('main')?.dataset.now);
}

function arrivalOfDocument() {
  const [{ responseStart } = { responseStart: performance.now() }] = performance.getEntriesByType('navigation');
  return Date.now() - (performance.now() - responseStart);
}

function spanText(ms) {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const [size, unit] = UNITS.find(([each]) => seconds >= 2 * each) ?? [1, 's'];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** All times are those of the server's clock. On a stale page they stop: nothing is known of what happened since. */
function updateTimes() {
  const ageMs = Date.now() - heard.arrivedMs;
  const nowMs = heard.servedMs + (isStale ? 0 : ageMs);
  for (const time of document.querySelectorAll('time[data-kind]')) {
    const at = Date.parse(time.dateTime);
    const text =
      time.dataset.kind === 'ago' ? `${spanText(nowMs - at)} ago` : at <= nowMs ? 'due' : `in ${spanText(at - nowMs)}`;
    setText(time, text);
  }
  setText(banner.age, `${spanText(ageMs)} ago`);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Says at the top that the page is stale. Screen readers read it once, without the age, which changes every second. */
const banner = createBanner();

function createBanner() {
  const [box, since, age, reason, reload] = ['div', 'strong', 'span', 'span', 'a'].map((name) =>
    document.createElement(name),
  );
  box.className = 'banner';
  box.hidden = true;
  box.setAttribute('role', 'alert');
  age.setAttribute('aria-hidden', 'true');
  reload.href = '';
  reload.textContent = 'Reload the page';
  box.append(since, ' (', age, '): ', reason, ' Everything below is as of then. ', reload);
  document.querySelector('main').before(box);
  return { box, since, age, reason, reload };
}

function showStale({ message, needsReload }) {
  isStale = true;
  const since = new Date(heard.arrivedMs).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
  setText(banner.since, `Not refreshed since ${since}`);
  setText(banner.reason, message);
  banner.reload.hidden = !needsReload;
  banner.box.hidden = false;
  document.documentElement.classList.add('stale');
  document.title = 'Not refreshed – acr-scan-exporter';
  document.querySelector('link[rel="icon"]')?.setAttribute('href', STALE_ICON);
}

function showFresh(fresh) {
  isStale = false;
  banner.box.hidden = true;
  document.documentElement.classList.remove('stale');
  document.title = fresh.title;
  const icon = fresh.querySelector('link[rel="icon"]')?.getAttribute('href');
  if (icon) document.querySelector('link[rel="icon"]')?.setAttribute('href', icon);
  for (const part of document.querySelectorAll('[data-live]')) {
    const replacement = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (replacement && !isBeingCopied(part)) replace(part, replacement);
  }
  showCopyButtons();
}

/** Fetches the page. Throws a {@link Problem}, or the error of a connection or an abort. */
async function fetchPage(signal) {
  const response = await fetch(location.href, {
    headers: { accept: 'text/html' },
    cache: 'no-store',
    redirect: 'manual',
    signal,
  });
  const arrivedMs = Date.now();
  if (response.type === 'opaqueredirect')
    throw new Problem('a redirect answers here, perhaps to a sign-in page.', true);
  if (!response.ok) throw problemOf(response.status);
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  const servedMs = servedTime(fresh);
  if (Number.isNaN(servedMs)) throw new Problem('another page answers here, perhaps a sign-in page.', true);
  if (servedMs === heard.servedMs) throw new Problem('a cache in between answers with an old page.');
  return { fresh, heard: { servedMs, arrivedMs } };
}

function problemOf(status) {
  if (status === 401) return new Problem('a user and a password are asked for (status 401).', true);
  if (status === 503) return new Problem('the exporter is too busy, or a proxy cannot reach it (status 503).');
  if (status === 429)
    return new Problem(
      "this exporter's own limit of requests, rate_limit in its web configuration, refused the refresh (status 429).",
    );
  if (status === 502 || status === 504) return new Problem(`a proxy cannot reach the exporter (status ${status}).`);
  return new Problem(`the answer was an error (status ${status}).`);
}

async function refresh() {
  const giveUp = new AbortController();
  const timeout = setTimeout(() => giveUp.abort(), TIMEOUT_MS);
  try {
    const page = await fetchPage(giveUp.signal);
    failures = 0;
    heard = page.heard;
    showFresh(page.fresh);
    return undefined;
  } catch (error) {
    failures += 1;
    if (error instanceof Problem) return error;
    if (giveUp.signal.aborted) return new Problem(`the exporter did not answer within ${TIMEOUT_MS / 1_000} s.`);
    return new Problem('the exporter cannot be reached.');
  } finally {
    clearTimeout(timeout);
  }
}

/**
 * One refresh at a time, and none while the page is hidden. The first failure may be by chance, for example while the exporter restarts. It
 * ends where a reload is needed: browsers ask for a password at each answer 401.
 */
async function keepFresh() {
  for (;;) {
    await pause(failures === 1 ? RETRY_MS : REFRESH_MS);
    while (document.hidden) await nextEvent(document, 'visibilitychange');
    const problem = await refresh();
    if (problem && (failures > 1 || Date.now() - heard.arrivedMs > MAX_AGE_MS)) showStale(problem);
    updateTimes();
    if (isStale && problem.needsReload) return;
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function nextEvent(target, name) {
  return new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));
}

function isBeingCopied(part) {
  const selection = getSelection();
  const isSelected = selection !== null && !selection.isCollapsed && selection.containsNode(part, true);
  return isSelected && Date.now() - selectedMs < SELECTION_MS;
}

/** Replaces a live part. The focus goes to the same element of the new one, else to the new part as a whole. */
function replace(part, replacement) {
  const focused = part.contains(document.activeElement) ? document.activeElement : undefined;
  part.replaceWith(replacement);
  if (!focused) return;
  const same = [...replacement.querySelectorAll(focused.localName)].find((each) => keyOf(each) === keyOf(focused));
  if (!same) replacement.tabIndex = -1;
  (same ?? replacement).focus({ preventScroll: true });
}

/** What makes an element the same on the next page. */
function keyOf(element) {
  return ['id', 'href', 'data-copy', 'datetime'].map((name) => element.getAttribute(name)).join(' ');
}

function showCopyButtons() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll('button[data-copy]')) button.hidden = false;
}

document.addEventListener('selectionchange', () => {
  selectedMs = Date.now();
});

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
