// Loaded into the exporter's process beside its program: answers what the program asks the host of EventBridge's certificates for, says over the
// channel to its parent what that was, and lets it reach no other host in this way.
const { searchParams } = new URL(import.meta.url);
const origin = searchParams.get('origin');
const trueFetch = globalThis.fetch;

globalThis.fetch = async (url, options) => {
  const certificateUrl = String(url);
  process.send?.({ certificateUrl });
  if (certificateUrl === `${origin}/simulator.pem`)
    return trueFetch(`${searchParams.get('simulator')}/_sim/certificate.pem`, options);
  if (certificateUrl === `${origin}/forger.pem`) return new Response(searchParams.get('forger'));
  return new Response('', { status: 404 });
};
