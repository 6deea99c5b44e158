import { describe, expect, it } from 'vitest';
import { readMultipart } from '../../../shared/multipart.ts';

async function send(build: (form: FormData) => void) {
  const form = new FormData();
  build(form);
  const request = new Request('http://localhost/', { method: 'POST', body: form });
  return readMultipart(request.headers.get('content-type')!, new Uint8Array(await request.arrayBuffer()));
}

describe('a form', () => {
  it('gives its fields and files in their order, byte for byte', async () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 256);
    const fields = await send((form) => {
      form.append('first', 'ä 漢');
      form.append('file', new Blob([bytes], { type: 'application/pdf' }), 'Grüße.pdf');
      form.append('last', '');
    });
    expect(fields).toEqual([['first', 'ä 漢'], ['file', { name: 'Grüße.pdf', contentType: 'application/pdf', bytes: Buffer.from(bytes) }], ['last', '']]);
  });

  it('gives an empty file as one', async () => {
    expect(await send((form) => form.append('file', new Blob([]), 'a.txt'))).toMatchObject([['file', { name: 'a.txt', bytes: Buffer.alloc(0) }]]);
  });

  it.each([
    ['that is cut in the middle', 'Unexpected end', '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'],
    ['without its boundary', 'Unexpected end', 'abc'],
    ['without a byte', 'Unexpected end', ''],
  ])('%s is refused', async (_, reason, body) => {
    await expect(readMultipart('multipart/form-data; boundary=x', Buffer.from(body))).rejects.toThrow(reason);
  });

  it('with more parts than anyone needs is refused', async () => {
    await expect(send((form) => Array.from({ length: 200 }, (_, i) => form.append(`f${i}`, 'x')))).rejects.toThrow('at most 100 parts');
  });

  it('of a type without a boundary is refused', async () => {
    await expect(readMultipart('multipart/form-data', Buffer.from('--x--'))).rejects.toThrow('Boundary not found');
  });
});
