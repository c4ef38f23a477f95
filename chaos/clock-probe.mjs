// Loaded into the exporter's process beside its program: sets its wall clock, and nothing else, off by what its parent says, and answers
// when it did so, on the true clock.
const TrueDate = Date;
let offsetMs = 0;
const now = () => TrueDate.now() + offsetMs;

globalThis.Date = new Proxy(TrueDate, {
  construct: (target, given, made) => Reflect.construct(target, given.length === 0 ? [now()] : given, made),
  apply: (target) => new target(now()).toString(),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});

process.on('message', ({ clockOffsetMs }) => {
  if (clockOffsetMs === undefined) return;
  offsetMs = clockOffsetMs;
  process.send?.({ clockSetAt: TrueDate.now(), clockOffsetMs });
});
// A listener keeps the channel, and with it the process, alive.
process.channel?.unref();
