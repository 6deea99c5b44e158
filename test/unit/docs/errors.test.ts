import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { API_ERRORS } from '../../../shared/api-call.ts';
import * as errors from '../../../shared/errors.ts';
import { DOCUMENT_ERRORS } from '../../../processors/document/document-faults.ts';
import { FETCH_ERRORS } from '../../../shared/http/fetch-errors.ts';

const PROJECT = resolve(import.meta.dirname, '../../..');
const text = readFileSync(resolve(PROJECT, 'docs/errors.md'), 'utf8');
const listed = [...text.matchAll(/^\| `(\w+)` \| (yes|no) \|/gm)].map(([, name, retryable]) => [name, retryable === 'yes']);

const { SpillwayError: _base, ...classes } = errors;
const ofRuns = Object.values(classes).map((ErrorClass) => new ErrorClass('')).map(({ name, retryable }) => [name, retryable]);
const ofFetches = Object.entries(FETCH_ERRORS).map(([name, { retryable }]) => [name, retryable]);
const ofDocuments = Object.entries(DOCUMENT_ERRORS).map(([name, { retryable }]) => [name, retryable]);
/** Made where they happen, so read from the sources. */
const SOURCES = ['lambdas/process-batch/check-answer.ts', 'lambdas/process-batch/work-carefully.ts', 'lambdas/process-batch/work-items.ts', 'processors/llms-txt/processor.ts', 'processors/generate/completion.ts', 'processors/generate/generate-item.ts'];
const namedIn = (path: string): string[] => [...readFileSync(resolve(PROJECT, path), 'utf8').matchAll(/(?:name: |failed\(|fault\()'(\w+Error)'/g)].map(([, name]) => name!);
const ofApis = Object.entries(API_ERRORS).map(([name, { retryable }]) => [name, retryable] as const).filter(([name]) => !(name in FETCH_ERRORS));
const ofWork = [...new Set(SOURCES.flatMap(namedIn))].filter((name) => !(name in API_ERRORS));

it('docs/errors.md lists every error once, with what the code says of retrying', () => {
  const known = [...ofRuns, ...ofFetches, ...ofApis, ...ofDocuments];
  expect(listed.filter(([name]) => !ofWork.includes(name as string)).toSorted()).toEqual(known.toSorted());
});

it('docs/errors.md lists the errors of workers and of processors', () => {
  expect(ofWork.length).toBeGreaterThan(3);
  for (const name of ofWork) expect(listed.filter(([other]) => other === name)).toHaveLength(1);
});
