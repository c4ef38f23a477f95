// Relative times, with the exact time on hover. The page's script updates them.
import { spanText } from './texts.ts';

type TimeProps = {
  readonly ms: number;
  readonly nowMs: number;
  /** Whether the time is in the future, and counts down. */
  readonly ahead?: boolean;
};

export function RelativeTime({ ms, nowMs, ahead = false }: TimeProps) {
  const exact = new Date(ms).toISOString();
  const span = ahead ? ms - nowMs : nowMs - ms;
  const text = ahead ? (span <= 0 ? 'due' : `in ${spanText(span)}`) : `${spanText(span)} ago`;
  return (
    <time dateTime={exact} title={exact} data-kind={ahead ? 'ahead' : 'ago'}>
      {text}
    </time>
  );
}
