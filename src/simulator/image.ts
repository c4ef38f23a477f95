// An image, which a push brings to a tag: its digest, the course of its scan, and the vulnerabilities that the scan finds.
import { isSameDigest } from '../model/digest.ts';
import type { Severity, Vulnerabilities } from '../model/scan.ts';
import { type CountRange, type Draw, seededDraw, stableHex } from './random.ts';
import type { NotScannedAnswer, PhaseSettings } from './registry-schema.ts';
import {
  type Course,
  type CurrentPhase,
  fixedCourse,
  freshScanCourse,
  type Phase,
  type ScanEnd,
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

/** The settings of a scenario for all images. */
export type ImageRules = {
  readonly seed: number;
  readonly timing: ScanTiming;
  readonly vulnerabilities: VulnerabilityRanges;
};

/** The settings of one image in a scenario or a test. The rules decide what is missing. */
export type ImageSettings = {
  readonly digest?: string | undefined;
  readonly status?: string | undefined;
  readonly timeline?: readonly PhaseSettings[] | undefined;
  readonly repeat?: boolean | undefined;
  readonly vulnerabilities?: Vulnerabilities | undefined;
  /** The answer about its status while it was never scanned; by default the instance's. */
  readonly notScanned?: NotScannedAnswer | undefined;
};

/** The push that an image comes from. */
export type Origin = {
  /** Instance, repository, tag, and the number of the push to the tag. It decides the digest and everything random. */
  readonly identity: readonly (string | number)[];
  /** When the push happened, in milliseconds since the simulator started; negative before that. */
  readonly pushedMs: number;
  /** When the course of its scan begins. */
  readonly scannedFromMs: number;
  /** Whether the course begins with a scan; otherwise the image may have been scanned before. */
  readonly isNew: boolean;
};

const MIN_IMAGE_BYTES = 5_000_000;
const MAX_IMAGE_BYTES = 500_000_000;
const DIGEST_LENGTH = 64;

/** An image. It draws random values only when they are first needed, because a registry may have 100,000 images. */
export class Image {
  /** The time of its last push, in milliseconds since the simulator started. */
  pushedMs: number;
  readonly #rules: ImageRules;
  readonly #settings: ImageSettings;
  readonly #origin: Origin;
  #digest: string | undefined;
  #timeline: Timeline | undefined;
  #vulnerabilities: Vulnerabilities | undefined;
  #tasks = 0;
  #courses = 0;

  constructor(rules: ImageRules, settings: ImageSettings, origin: Origin) {
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

  /** Whether this is its digest, with or without `sha256:`: the real API writes both. */
  hasDigest(digest: string): boolean {
    return isSameDigest(digest, this.digest);
  }

  get notScanned(): NotScannedAnswer | undefined {
    return this.#settings.notScanned;
  }

  /** Bytes. */
  get size(): number {
    return Math.round(MIN_IMAGE_BYTES + (MAX_IMAGE_BYTES - MIN_IMAGE_BYTES) * this.#draw('size'));
  }

  /** The phase of its scan. */
  scanAt(elapsedMs: number): CurrentPhase {
    this.#timeline ??= new Timeline(this.#course(), this.#origin.scannedFromMs);
    return this.#timeline.at(elapsedMs);
  }

  /** The next end of a scan after `elapsedMs`; undefined when none follows. */
  nextEndAfter(elapsedMs: number): ScanEnd | undefined {
    this.#timeline ??= new Timeline(this.#course(), this.#origin.scannedFromMs);
    return this.#timeline.nextEndAfter(elapsedMs);
  }

  /** How often another course was set. */
  get courses(): number {
    return this.#courses;
  }

  /** The vulnerabilities that its scan found; undefined unless the scan is complete. They depend on the digest, whatever the tag. */
  vulnerabilitiesAt(elapsedMs: number): Vulnerabilities | undefined {
    if (this.scanAt(elapsedMs).status !== 'COMPLETE') return undefined;
    this.#vulnerabilities ??=
      this.#settings.vulnerabilities ??
      drawVulnerabilities(this.#rules.vulnerabilities, seededDraw(this.#rules.seed, 'vulnerabilities', this.digest));
    return this.#vulnerabilities;
  }

  /** Sets another course, which begins now. */
  setCourse(course: Course, elapsedMs: number): void {
    this.#timeline = new Timeline(course, elapsedMs);
    this.#courses++;
  }

  /** Starts a scan now. A running scan goes on. A fixed status stays, unless it is `NOT_SCANNED`. */
  startScan(elapsedMs: number): void {
    const { status } = this.scanAt(elapsedMs);
    const stays = this.#settings.status !== undefined && this.#settings.status !== NOT_SCANNED;
    if (stays || status === 'SCANNING' || status === 'RETRYING') return;
    this.#tasks++;
    const task = this.#tasks;
    this.setCourse(
      (this.#settings.status === undefined ? this.#courseOfSettings() : undefined) ??
        freshScanCourse(this.#rules.timing, (...parts) => this.#draw('task', task, ...parts)),
      elapsedMs,
    );
  }

  #course(): Course {
    const scans = this.#origin.isNew ? freshScanCourse : scanCourse;
    return this.#courseOfSettings() ?? scans(this.#rules.timing, this.#draw);
  }

  /** The course in the settings. */
  #courseOfSettings(): Course | undefined {
    const { status, timeline, repeat = false } = this.#settings;
    if (status !== undefined) return fixedCourse(status);
    return timeline && scriptedCourse(toPhases(timeline), repeat);
  }
}

/** The phases of a timeline in a scenario. A phase without `for` lasts for ever. */
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
