import { readFileSync } from 'node:fs';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Imports of tests that start processes or emulators and wait for them. */
const WAITING = /from '[./]+support\/(run|npm-start|local-stack|emulated-aws|emulator-process|project)\.ts'/;

/** Starts tests that mostly wait before the others, so that the run does not end with a few of them. */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isWaiting = ({ moduleId }: TestSpecification) => WAITING.test(readFileSync(moduleId, 'utf8'));
    return sorted.toSorted((one, other) => Number(isWaiting(other)) - Number(isWaiting(one)));
  }
}
