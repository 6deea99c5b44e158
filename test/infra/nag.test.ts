import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { Validations } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYNTHESIS_TIMEOUT_MS, type SynthesisedStack, synthesiseStack } from '../support/synthesised-stack.ts';

let stack: SynthesisedStack;
beforeAll(async () => {
  stack = await synthesiseStack();
}, SYNTHESIS_TIMEOUT_MS);
afterAll(() => stack?.remove());

describe.each([
  ['AwsSolutions', AwsSolutionsChecks],
  ['Serverless', ServerlessChecks],
])('the rules of cdk-nag %s', (_, Pack) => {
  test('find nothing but what has a reason', () => {
    const { violations } = new Pack(stack.app).validateScope(stack.app);
    const findings = violations.flatMap(({ ruleName, violatingResources }) => violatingResources.map((resource) => `${ruleName} at ${resource.constructPath}`));
    expect(findings).toEqual([]);
    expect(violations).toEqual([]);
  });
});

test('every accepted finding has a reason of a sentence', () => {
  const accepted = stack.app.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .map(({ data }) => JSON.stringify(data)),
  );
  expect(accepted.length).toBeGreaterThan(0);
  for (const data of accepted) expect(data).toMatch(/[A-Z][^"]{30,}\./);
});
