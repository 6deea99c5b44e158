import fc from 'fast-check';
import { expect, it } from 'vitest';
import { physicalName } from '../../../../../localstack/embedded/template/physical-names.ts';

const logicalId = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,120}$/);

it('a bucket name is one that S3 takes, whatever the logical id', () => {
  fc.assert(
    fc.property(logicalId, (id) => {
      expect(physicalName('Spillway', id, 'AWS::S3::Bucket')).toMatch(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/);
    }),
  );
});

it('a FIFO queue name is at most 80 characters with its suffix', () => {
  fc.assert(
    fc.property(logicalId, (id) => {
      expect(physicalName('Spillway', id, 'AWS::SQS::Queue', '.fifo')).toMatch(/^[A-Za-z0-9-]{1,75}\.fifo$/);
    }),
  );
});

it('long logical ids that differ only at the end keep different names', () => {
  const names = ['A', 'B'].map((end) => physicalName('Spillway', 'x'.repeat(100) + end, 'AWS::Lambda::Function'));
  expect(new Set(names).size).toBe(2);
});
