// The worker thread that loads a configuration file and hands it over slice by slice, each when it is asked for.
import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError } from '../util/yaml/problems.ts';
import { readText } from '../util/yaml/read-text.ts';
import { parseConfig } from './parse.ts';
import { type Piece, piecesOf, problemPieces, slicesOf } from './pieces.ts';

const slices = slicesOf(load(String(workerData)));

parentPort?.on('message', () => {
  const { value } = slices.next();
  parentPort?.postMessage(value);
});

function load(file: string): Iterable<Piece> {
  try {
    return piecesOf(parseConfig(readText(file), file));
  } catch (error) {
    if (error instanceof ConfigError) return problemPieces(error);
    throw error;
  }
}
