// What is said of a file that is wrong has to help, and to give nothing away.
import { type ConfigError, formatProblems } from '../src/util/yaml/problems.ts';
import { requireFitMessage } from './outputs.ts';

const PROBLEM = /^[^\n]+?:[1-9]\d*:[1-9]\d*: [^\n]+?: expected [^\n]+, found [^\n]+$/;

/** Throws unless every problem is one line that says where it is, what was expected and what was found. */
export function requireClearProblems({ problems }: ConfigError, text: string): void {
  if (problems.length === 0) throw new Error('a file is refused without a reason');
  const lines = text.split('\n').length;
  for (const { line } of problems) if (line > lines) throw new Error(`a problem at line ${line} of ${lines}`);
  for (const line of formatProblems(problems)) {
    requireFitMessage(line, 'the problem', text, Number.POSITIVE_INFINITY);
    if (!PROBLEM.test(line) && !/^… and \d+ more$/.test(line)) throw new Error(`no problem as people read it: ${line}`);
  }
}
