// Fetches a certificate over the network.

const TIMEOUT_MS = 5_000;
/** A certificate has some kilobytes. */
const MAX_BYTES = 64 * 1024;

/** The text at a URL, of at most 64 KiB. A redirect is not followed: it would lead to where nothing says that it may. */
export async function fetchCertificate(url: string, timeoutMs = TIMEOUT_MS): Promise<string> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`expected status 200, found ${response.status}`);
  }
  let text = '';
  const decoder = new TextDecoder('latin1');
  for await (const part of response.body ?? []) {
    text += decoder.decode(part, { stream: true });
    if (text.length > MAX_BYTES) throw new Error(`expected at most ${MAX_BYTES} bytes, found more`);
  }
  return text;
}
