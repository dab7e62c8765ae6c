/** The result of one check. */
export interface Finding {
  verdict: 'ok' | 'problem' | 'note' | 'skipped';
  text: string;
  /** How to change it. */
  advice?: string;
}

export function ok(text: string): Finding {
  return { verdict: 'ok', text };
}

export function problem(text: string, advice: string): Finding {
  return { verdict: 'problem', text, advice };
}

/** For what may be intended. */
export function note(text: string, advice: string): Finding {
  return { verdict: 'note', text, advice };
}

/** For a check that does not apply to this stack, or that another problem prevents. */
export function skipped(text: string): Finding {
  return { verdict: 'skipped', text };
}

/** Returns `1 event`, `2 events`, … */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * Runs a check. An error, such as a rejected AWS request, becomes a finding, so that the other checks still run.
 *
 * @param subject what is checked, for the text of that finding
 */
export async function runCheck(subject: string, check: () => Promise<Finding[] | Finding>): Promise<Finding[]> {
  try {
    return [await check()].flat();
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const advice = /denied|unauthorized|forbidden/i.test(name + message)
      ? 'Your credentials lack the permission named in the message.'
      : 'Check your network and the status of AWS, then run the command again.';
    return [problem(`${subject} could not be checked: ${name}: ${message}`, advice)];
  }
}
