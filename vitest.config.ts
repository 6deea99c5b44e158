import { defineConfig } from 'vitest/config';

const project = (name: string, test: { testTimeout: number; fileParallelism?: boolean; globalSetup?: string }) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], environment: 'node' as const, hookTimeout: test.testTimeout, ...test },
});

/** Integration files run one after the other: each may start a stack of its own, and two cores carry one at a time. */
export default defineConfig({
  test: {
    projects: [
      project('unit', { testTimeout: 10_000 }),
      project('property', { testTimeout: 60_000 }),
      project('infra', { testTimeout: 120_000, globalSetup: 'test/support/synthesise-once.ts' }),
      project('integration', { testTimeout: 300_000, fileParallelism: false }),
      project('faults', { testTimeout: 1_200_000, fileParallelism: false }),
    ],
  },
});
