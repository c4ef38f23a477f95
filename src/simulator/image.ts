// What a push brings to a tag: an image with its digest, the course of its scan, and what the scan finds.
import { isSameDigest } from '../model/digest.ts';
import type { Severity, Vulnerabilities } from '../model/scan.ts';
import { type CountRange, type Draw, seededDraw, stableHex } from './random.ts';
import type { NotScannedAnswer, PhaseSettings } from './registry-schema.ts';
import {
  type Course,
  fixedCourse,
  freshScanCourse,
  type Moment,
  type Phase,
  type ScanTiming,
  scanCourse,
  scriptedCourse,
  Timeline,
} from './timeline.ts';

/** The status, in a scenario and in the truth, of an image that was never scanned. The API has no name for it. */
export const NOT_SCANNED = 'NOT_SCANNED';

export const NO_VULNERABILITIES: Vulnerabilities = { high: 0, medium: 0, low: 0, unknown: 0 };

/** `scan.vulnerabilities` of a scenario: how many vulnerabilities scans find. */
type VulnerabilityRanges = Readonly<Record<Severity, CountRange>> & {
  /** The share of images in which a scan finds nothing. */
  readonly clean_share: number;
};

/** What a scenario says of all images. */
export type Rules = {
  readonly seed: number;
  readonly timing: ScanTiming;
  readonly vulnerabilities: VulnerabilityRanges;
};

/** What a scenario, or a test, says of one image; what it leaves out follows from the rules. */
export type ImageSettings = {
  readonly digest?: string | undefined;
  readonly status?: string | undefined;
  readonly timeline?: readonly PhaseSettings[] | undefined;
  readonly repeat?: boolean | undefined;
  readonly vulnerabilities?: Vulnerabilities | undefined;
  /** How its status is answered while it was never scanned; default: as the instance says. */
  readonly notScanned?: NotScannedAnswer | undefined;
};

/** Where an image comes from. */
export type Origin = {
  /** Instance, repository and tag, and which push to the tag it was: all randomness and the digest follow from it. */
  readonly identity: readonly (string | number)[];
  /** When it was pushed, in milliseconds since the simulator started; negative before that. */
  readonly pushedMs: number;
  /** When its course begins. */
  readonly scannedFromMs: number;
  /** Whether the course begins with a scan; otherwise it may have been scanned before. */
  readonly isNew: boolean;
};

const SMALLEST_IMAGE = 5_000_000;
const LARGEST_IMAGE = 500_000_000;
const DIGEST_LENGTH = 64;

/** An image. Everything that has to be drawn is drawn when it is first asked for: a registry may have 100,000 of them. */
export class Image {
  /** When it was pushed last, in milliseconds since the simulator started. */
  pushedMs: number;
  readonly #rules: Rules;
  readonly #settings: ImageSettings;
  readonly #origin: Origin;
  #digest: string | undefined;
  #timeline: Timeline | undefined;
  #vulnerabilities: Vulnerabilities | undefined;
  #tasks = 0;

  constructor(rules: Rules, settings: ImageSettings, origin: Origin) {
    this.#rules = rules;
    this.#settings = settings;
    this.#origin = origin;
    this.#digest = settings.digest;
    this.pushedMs = origin.pushedMs;
  }

  get #draw(): Draw {
    return seededDraw(this.#rules.seed, ...this.#origin.identity);
  }

  get digest(): string {
    this.#digest ??= stableHex(DIGEST_LENGTH, 'digest', ...this.#origin.identity);
    return this.#digest;
  }

  /** Whether this is its digest, written with or without `sha256:`: the real API does now this, now that. */
  hasDigest(digest: string): boolean {
    return isSameDigest(digest, this.digest);
  }

  get notScanned(): NotScannedAnswer | undefined {
    return this.#settings.notScanned;
  }

  /** Bytes. */
  get size(): number {
    return Math.round(SMALLEST_IMAGE + (LARGEST_IMAGE - SMALLEST_IMAGE) * this.#draw('size'));
  }

  /** The phase of its scan. */
  scanAt(elapsedMs: number): Moment {
    this.#timeline ??= new Timeline(this.#course(), this.#origin.scannedFromMs);
    return this.#timeline.at(elapsedMs);
  }

  /** What its scan found; undefined unless the scan is complete. The same digest has the same findings under every tag. */
  vulnerabilitiesAt(elapsedMs: number): Vulnerabilities | undefined {
    if (this.scanAt(elapsedMs).status !== 'COMPLETE') return undefined;
    this.#vulnerabilities ??=
      this.#settings.vulnerabilities ??
      drawVulnerabilities(this.#rules.vulnerabilities, seededDraw(this.#rules.seed, 'vulnerabilities', this.digest));
    return this.#vulnerabilities;
  }

  /** Gives it another course, which begins now. */
  follow(course: Course, elapsedMs: number): void {
    this.#timeline = new Timeline(course, elapsedMs);
  }

  /** Starts a scan now; one that is running goes on, and a status that never changes stays, but for that of an image never scanned. */
  startScan(elapsedMs: number): void {
    const { status } = this.scanAt(elapsedMs);
    const stays = this.#settings.status !== undefined && this.#settings.status !== NOT_SCANNED;
    if (stays || status === 'SCANNING' || status === 'RETRYING') return;
    this.#tasks++;
    const task = this.#tasks;
    this.follow(
      (this.#settings.status === undefined ? this.#written() : undefined) ??
        freshScanCourse(this.#rules.timing, (...parts) => this.#draw('task', task, ...parts)),
      elapsedMs,
    );
  }

  #course(): Course {
    const scans = this.#origin.isNew ? freshScanCourse : scanCourse;
    return this.#written() ?? scans(this.#rules.timing, this.#draw);
  }

  /** The course that the settings write. */
  #written(): Course | undefined {
    const { status, timeline, repeat = false } = this.#settings;
    if (status !== undefined) return fixedCourse(status);
    return timeline && scriptedCourse(toPhases(timeline), repeat);
  }
}

/** A scripted phase list of a scenario in the timeline's own words; without `for`, a phase lasts. */
export function toPhases(phases: readonly PhaseSettings[]): readonly Phase[] {
  return phases.map((phase) => ({ status: phase.status, durationMs: phase.for ?? Number.POSITIVE_INFINITY }));
}

/** The vulnerabilities of an image, from the ranges of a scenario; `draw` is the image's own. */
function drawVulnerabilities(ranges: VulnerabilityRanges, draw: Draw): Vulnerabilities {
  if (draw('clean') < ranges.clean_share) return NO_VULNERABILITIES;
  const count = (severity: Severity) => {
    const { min, max } = ranges[severity];
    return min + Math.floor(draw(severity) * (max - min + 1));
  };
  return { high: count('high'), medium: count('medium'), low: count('low'), unknown: count('unknown') };
}
