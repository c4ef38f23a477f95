// A network of its own for one process, which can be cut off from the rest of the machine. Needs root.
import { type Cleanup, run } from './program.ts';

const NUMBERS = 256;

export class Network {
  /** An address of this machine that stays while the network is cut off. */
  readonly outside: string;
  /** An address of this machine to which no connection can be made, as if its network were cut. */
  readonly unreachable: string;
  /** The address inside. */
  readonly inside: string;
  readonly #number: number;
  readonly #name: string;
  readonly #link: string;

  /** @param number from 0 to 255, another for each network of the machine at the same time */
  private constructor(number: number) {
    this.#number = number;
    this.#name = `acr-e2e-${number}`;
    this.#link = `acr-e2e-${number}`;
    this.inside = `10.213.${number}.2`;
    this.outside = `10.213.${number}.5`;
    this.unreachable = `10.213.${number}.9`;
  }

  static create(t: Cleanup): Network {
    const network = Network.#first();
    const [name, link] = [network.#name, network.#link];
    const gateway = `10.213.${network.#number}.1`;
    t.teardown(() => {
      run('ip', ['netns', 'delete', name]);
      run('ip', ['address', 'delete', `${network.outside}/32`, 'dev', 'lo']);
      run('ip', ['route', 'delete', 'unreachable', `${network.unreachable}/32`]);
    });
    for (const command of [
      `link add ${link} type veth peer name eth0 netns ${name}`,
      `address add ${gateway}/30 dev ${link}`,
      `address add ${network.outside}/32 dev lo`,
      `route add unreachable ${network.unreachable}/32`,
      `link set ${link} up`,
      `-n ${name} address add ${network.inside}/30 dev eth0`,
      `-n ${name} link set eth0 up`,
      `-n ${name} link set lo up`,
      `-n ${name} route add default via ${gateway}`,
    ]) {
      const { status, stderr } = run('ip', command.split(' '));
      if (status !== 0) throw new Error(`expected ip ${command} to succeed, found: ${stderr}`);
    }
    return network;
  }

  /** The first whose name is free: other processes of this machine may have some. */
  static #first(): Network {
    for (let number = 0; number < NUMBERS; number += 1) {
      const network = new Network(number);
      const { status, stderr } = run('ip', ['netns', 'add', network.#name]);
      if (status === 0) return network;
      if (!stderr.includes('File exists')) throw new Error(`expected ip netns add to succeed, found: ${stderr}`);
    }
    throw new Error(`expected a free network, found ${NUMBERS} in use: ip netns list`);
  }

  /** The command that runs another command in the network. */
  get command(): readonly [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.#name];
  }

  /** Whatever is sent is lost from now on, without an error. */
  cut(): void {
    run('ip', ['link', 'set', this.#link, 'down']);
  }

  mend(): void {
    run('ip', ['link', 'set', this.#link, 'up']);
  }
}
