import { describe, expect, it } from 'vitest';
import { deploymentPercentages, MAXIMUM_CONNECTIONS } from '../../lib/deploy/connection-count.ts';

const counts = Array.from({ length: MAXIMUM_CONNECTIONS }, (_, index) => index + 1);

describe('During a deployment of 1 to 50 tasks', () => {
  it.each(counts)('of %i tasks, ECS can replace a task without exceeding 50 connections', (count) => {
    const { maximum, minimumHealthy } = deploymentPercentages(count);
    const most = Math.floor((count * maximum) / 100);
    const fewest = Math.ceil((count * minimumHealthy) / 100);
    expect(most).toBeLessThanOrEqual(MAXIMUM_CONNECTIONS);
    expect(most > count || fewest < count).toBe(true);
  });

  it('no task stops before another has started, as long as there is room for one', () => {
    const stopping = counts.filter((count) => deploymentPercentages(count).minimumHealthy < 100);
    expect(stopping.every((count) => Math.floor((count * deploymentPercentages(count).maximum) / 100) === count)).toBe(
      true,
    );
    expect(deploymentPercentages(1)).toEqual({ maximum: 200, minimumHealthy: 100 });
    expect(deploymentPercentages(MAXIMUM_CONNECTIONS)).toEqual({ maximum: 100, minimumHealthy: 98 });
  });
});
