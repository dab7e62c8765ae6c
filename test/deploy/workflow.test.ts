import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');
const workflow = parse(read('.github/workflows/deploy.yml'));
const { deploy: job } = workflow.jobs;

interface Step {
  id?: string;
  run?: string;
  uses?: string;
  if?: string;
  'continue-on-error'?: boolean;
}
const steps: Step[] = job.steps;
const indexOf = (matches: (step: Step) => boolean) => steps.findIndex(matches);

describe('The deployment workflow', () => {
  it('does nothing until a role is configured', () => {
    expect(job.if).toBe("vars.AWS_DEPLOY_ROLE != ''");
    expect(Object.keys(workflow.jobs)).toEqual(['deploy']);
  });

  it('may only read the repository and request an identity token, and uses no secret', () => {
    expect(workflow.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
    expect(read('.github/workflows/deploy.yml')).not.toContain('secrets.');
  });

  it('runs in the environment of its stage, which the trust policy requires', () => {
    expect(job.environment).toBe(job.env.STAGE);
    for (const name of ['docs/ci-cd.md', 'docs/zh-CN/ci-cd.md']) {
      const [, text = ''] = /```json\n(.*?)```/s.exec(read(name)) ?? [];
      const [statement] = JSON.parse(text).Statement;
      expect(statement.Condition.StringEquals).toEqual({
        'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
        'token.actions.githubusercontent.com:sub': 'repo:OWNER/REPOSITORY:environment:prod',
      });
    }
  });

  it('checks the project before it has credentials, and the stage before and after the deployment', () => {
    const order = [
      indexOf(({ run }) => run === 'npm run test:handlers'),
      indexOf(({ uses }) => uses?.startsWith('aws-actions/configure-aws-credentials@') === true),
      indexOf(({ id }) => id === 'before'),
      indexOf(({ id }) => id === 'deploy'),
      indexOf(({ id }) => id === 'after'),
    ];
    expect(order).toEqual(order.toSorted((one, other) => one - other));
    expect(order).not.toContain(-1);
  });

  it('rolls back only what the deployment broke', () => {
    const rollback = steps.at(-1);
    expect(rollback?.if).toBe("failure() && steps.before.outcome == 'success' && steps.after.outcome == 'failure'");
    // Otherwise, a problem that existed before would end the job.
    expect(steps.find(({ id }) => id === 'before')?.['continue-on-error']).toBe(true);
    expect(steps.filter((step) => step['continue-on-error'])).toHaveLength(1);
  });
});
