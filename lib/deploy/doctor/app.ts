import type { StatusItem } from '../../app/app-status.ts';
import { mergeUnknown } from '../../app/format-status.ts';
import { type Finding, note, ok, problem, skipped } from './finding.ts';

/**
 * Describes how the app on the platform differs from what the handlers and the stack need.
 *
 * @param stage for the commands that fix it
 */
export function describeApp(items: readonly StatusItem[], stage: string): Finding[] {
  return mergeUnknown(items).map((item) => describeItem(item, stage));
}

function describeItem({ status, part, description, remedy }: StatusItem, stage: string): Finding {
  switch (status) {
    case 'ok':
      return ok(description);
    case 'unknown':
      return skipped(part === 'credentials' ? `The app was not compared. ${description}` : description);
    case 'extra':
      return note(`${description}.`, adviceFor(remedy, stage));
    case 'missing':
      return problem(`${description.replace(/\.$/, '')}.`, adviceFor(remedy, stage));
  }
}

function adviceFor(remedy: StatusItem['remedy'], stage: string): string {
  switch (remedy) {
    case 'prune':
      return `To unsubscribe: npx serverless app apply --prune --stage ${stage}`;
    case 'administrator':
      return 'Ask an administrator to approve it in the admin console.';
    case 'credentials':
      return `Correct .env, then: npx serverless secrets --stage ${stage} && npx serverless deploy --stage ${stage}`;
    case 'stop-program':
      return 'Stop the other program: for example npm start -- --long-connection, another stack, or an earlier bot.';
    default:
      return `To fix it: npx serverless app apply --stage ${stage}`;
  }
}
