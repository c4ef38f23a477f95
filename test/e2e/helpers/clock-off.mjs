// Loaded into a process beside its program: SIGUSR2 sets its wall clock, and nothing else, an hour off, and back the next time.
const TrueDate = Date;
const HOUR_MS = 3_600_000;
let offsetMs = 0;
const now = () => TrueDate.now() + offsetMs;

globalThis.Date = new Proxy(TrueDate, {
  construct: (target, given, made) => Reflect.construct(target, given.length === 0 ? [now()] : given, made),
  apply: (target) => new target(now()).toString(),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});

process.on('SIGUSR2', () => {
  offsetMs = offsetMs === 0 ? HOUR_MS : 0;
});
