import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { synthesise } from '../../cdk/synthesise.ts';
import { startStack } from '../../localstack/embedded/stack.ts';

const ASSEMBLY = resolve(import.meta.dirname, '../../cdk.out');
const TEMPLATE = 'Spillway.template.json';

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}
type Resources = Record<string, Resource>;

describe('the embedded stack refuses to start, and says why, when the template has', () => {
  let folder: string;
  beforeEach(async () => {
    await synthesise(ASSEMBLY);
    folder = mkdtempSync(join(tmpdir(), 'spillway-template-'));
    cpSync(ASSEMBLY, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const edit = (change: (resources: Resources) => void) => {
    const template = JSON.parse(readFileSync(join(folder, TEMPLATE), 'utf8')) as { Resources: Resources };
    change(template.Resources);
    writeFileSync(join(folder, TEMPLATE), JSON.stringify(template));
  };
  const variablesOf = (resource: Resource) => (resource.Properties['Environment'] as { Variables: Record<string, unknown> }).Variables;
  const starting = () => startStack({ templateFolder: folder });

  it('a wrong reference', async () => {
    edit(({ AdmitRun }) => void (variablesOf(AdmitRun!)['PROGRESS_TABLE'] = { Ref: 'NoSuchTable' }));
    await expect(starting()).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringMatching(/AdmitRun.*NoSuchTable/s) });
  });

  it('a property that it does not know', async () => {
    edit(({ Dispatch }) => void (Dispatch!.Properties['Sprinkles'] = true));
    await expect(starting()).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringMatching(/Dispatch.*Sprinkles/s) });
  });

  it('a function without a variable that it needs', async () => {
    edit(({ PlanRun, AdmitRun }) => {
      delete variablesOf(PlanRun!)['RESULTS_BUCKET'];
      variablesOf(AdmitRun!)['STATE_MACHINE_ARN'] = 'not an arn';
    });
    await expect(starting()).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringMatching(/AdmitRun.*STATE_MACHINE_ARN.*PlanRun.*RESULTS_BUCKET|PlanRun.*RESULTS_BUCKET.*AdmitRun.*STATE_MACHINE_ARN/s) });
  });
});
