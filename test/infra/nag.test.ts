import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { type App, Validations } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { writeAssembly } from '../../cdk/assemble.ts';
import { PROJECT_FOLDER } from '../support/synthesised-stack.ts';

// An app of its own: the rules look at constructs, not at the template.
let app: App;
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'spillway-nag-'));
  app = writeAssembly(scratch, { sourceRoot: PROJECT_FOLDER, bundlesFolder: inject('synthesis').bundlesFolder });
}, 120_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** With all that only a stage has. */
const STAGE = { name: 'told', concurrency: 10, alarmEmail: 'operators@example.com' };

describe.each([
  ['AwsSolutions', AwsSolutionsChecks],
  ['Serverless', ServerlessChecks],
])('the rules of cdk-nag %s', (_, Pack) => {
  test.each(['the stack', 'a stage'])('find nothing in %s but what has a reason', (which) => {
    const looked = which === 'the stack' ? app : writeAssembly(mkdtempSync(join(scratch, 'stage-')), { sourceRoot: PROJECT_FOLDER, bundlesFolder: inject('synthesis').bundlesFolder, stage: STAGE });
    const { violations } = new Pack(looked).validateScope(looked);
    const findings = violations.flatMap(({ ruleName, violatingResources }) => violatingResources.map((resource) => `${ruleName} at ${resource.constructPath}`));
    expect(findings).toEqual([]);
    expect(violations).toEqual([]);
  });
});

test('every accepted finding has a reason of a sentence', () => {
  const accepted = app.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .map(({ data }) => JSON.stringify(data)),
  );
  expect(accepted.length).toBeGreaterThan(0);
  for (const data of accepted) expect(data).toMatch(/[A-Z][^"]{30,}\./);
});
