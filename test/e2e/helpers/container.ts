// The image, built and run by the tools in CONTAINER_TOOLS: scripts that need neither a container engine nor a registry.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Finished, ROOT, run } from './program.ts';

const BUILD_WITHIN_MS = 4 * 60_000;
/** Large, and never in the image. */
const LEFT_OUT = ['.git', 'node_modules', 'dist', 'test', 'bench', 'docs'];

/** How a container ended when it was told to. */
export type Stopped = {
  readonly wasRunning: boolean;
  readonly seconds: number;
  readonly exitCode: number;
  readonly killed: boolean;
  readonly outOfMemory: boolean;
};

/** What is read of an image's description. */
export type ImageDescription = {
  readonly Size: number;
  readonly Config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly Healthcheck: { readonly Test: readonly string[] };
};

/** For the time of an action, a copy of the tree as a checkout with umask 077 makes it: only its owner can read it. */
export function withPrivateCheckout<Result>(action: (tree: string) => Result): Result {
  return withDirectory((tree) => {
    cpSync(ROOT, tree, { recursive: true, filter: (path) => !LEFT_OUT.includes(relative(ROOT, path)) });
    succeed(run('chmod', ['--recursive', 'go=', tree]));
    return action(tree);
  });
}

/** For the time of an action, a clone of the repository, without what is not committed. */
export function withCleanCheckout<Result>(action: (tree: string) => Result): Result {
  return withDirectory((tree) => {
    succeed(run('git', ['clone', '--quiet', ROOT, tree]));
    return action(tree);
  });
}

/** Builds a tree's Dockerfile, every layer anew: buildah 1.28 takes a layer from its cache whatever the build arguments say. */
export function buildImage(
  tree: string,
  name: string,
  buildArguments: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Finished {
  return tool('build.sh', [tree, name, '--no-cache', ...toOptions(buildArguments), ...options], BUILD_WITHIN_MS);
}

/**
 * Builds a tree's Dockerfile, every layer anew, and gives every file in the image the same time: `epoch`, in seconds of Unix time. It does not make
 * stand-ins of base images, so `buildImage` comes first.
 */
export function buildImageOfTime(
  epoch: number,
  tree: string,
  name: string,
  buildArguments: Readonly<Record<string, string>>,
): Finished {
  const time = ['--timestamp', String(epoch), '--layers=false'];
  const local = ['--isolation', 'chroot', '--pull=never', '--format', 'docker'];
  const args = ['build', ...local, ...time, ...toOptions(buildArguments), '--tag', name, tree];
  return tool('podman.sh', args, BUILD_WITHIN_MS);
}

/** The digest of an image in the OCI format: in Docker's format, podman stores the random id of the container in which it built the image. */
export function digestOf(name: string): string {
  return withDirectory((directory) => {
    const file = join(directory, 'digest');
    succeed(podman('push', '--format', 'oci', '--digestfile', file, name, `dir:${join(directory, 'image')}`));
    return readFileSync(file, 'utf8');
  });
}

export function describeImage(name: string): ImageDescription {
  const [description]: ImageDescription[] = JSON.parse(succeed(podman('image', 'inspect', name)));
  if (description === undefined) throw new Error(`expected a description of ${name}, found none`);
  return description;
}

/** Runs a program of the image to its end, with the host's network. */
export function runOnce(name: string, options: readonly string[], ...args: readonly string[]): Finished {
  return podman('run', '--rm', '--pull', 'never', '--network', 'host', ...options, name, ...args);
}

/** A container that goes with the test: read-only, without capabilities, on the host's network. */
export class Container {
  readonly #id: string;
  #stopped = false;

  private constructor(id: string) {
    this.#id = id;
  }

  static start(t: ExecutionContext, name: string, memory: string, options: readonly string[]): Container {
    const container = new Container(succeed(tool('run.sh', ['--memory', memory, name, ...options])).trim());
    t.teardown(() => {
      if (!container.#stopped) container.stop();
    });
    return container;
  }

  /** Runs the image's health check once. */
  checkHealth(): Finished {
    return podman('healthcheck', 'run', this.#id);
  }

  /** What the health check wrote when it last ran. */
  lastHealthOutput(): string {
    return succeed(podman('inspect', '--format', '{{(index .State.Healthcheck.Log 0).Output}}', this.#id)).trim();
  }

  /** Its first process. */
  get pid(): number {
    return Number(succeed(podman('inspect', '--format', '{{.State.Pid}}', this.#id)));
  }

  get log(): string {
    return podman('logs', this.#id).stderr;
  }

  /** Sends SIGTERM, waits for the end and removes it. */
  stop(): Stopped {
    this.#stopped = true;
    return JSON.parse(tool('stop.sh', [this.#id]).stdout);
  }
}

function toOptions(buildArguments: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(buildArguments).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
}

function withDirectory<Result>(action: (directory: string) => Result): Result {
  const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-image-'));
  try {
    return action(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function podman(...args: readonly string[]): Finished {
  return tool('podman.sh', args);
}

function tool(script: string, args: readonly string[], timeoutMs = 60_000): Finished {
  const tools = process.env.CONTAINER_TOOLS;
  if (tools === undefined)
    throw new Error('expected the folder of the container tools in CONTAINER_TOOLS, found nothing');
  return run(join(tools, script), args, { timeoutMs });
}

function succeed({ status, stdout, stderr }: Finished): string {
  if (status !== 0) throw new Error(`ended with ${status}: ${stdout}\n${stderr}`);
  return stdout;
}
