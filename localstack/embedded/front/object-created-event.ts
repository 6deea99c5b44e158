import { randomUUID } from 'node:crypto';
import { ACCOUNT, REGION, type EventBridgeEvent } from '../contracts.ts';

export type StoreReason = 'PutObject' | 'POST Object' | 'CompleteMultipartUpload' | 'CopyObject';

export interface StoredUpload {
  readonly bucket: string;
  readonly key: string;
  readonly sizeBytes: number;
  /** With or without S3's quotes. */
  readonly etag: string;
  readonly versionId: string | undefined;
  /** Hexadecimal; sorts the events of one key. */
  readonly sequencer: string;
  readonly requestId: string;
  readonly reason: StoreReason;
}

/** As in "EventBridge event message structure" of the S3 user guide. */
export function objectCreatedEvent(upload: StoredUpload, nowMs: number): EventBridgeEvent {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Object Created',
    source: 'aws.s3',
    account: ACCOUNT,
    time: new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    region: REGION,
    resources: [`arn:aws:s3:::${upload.bucket}`],
    detail: {
      version: '0',
      bucket: { name: upload.bucket },
      object: {
        key: upload.key,
        size: upload.sizeBytes,
        etag: upload.etag.replaceAll('"', ''),
        ...(upload.versionId !== undefined && { 'version-id': upload.versionId }),
        sequencer: upload.sequencer,
      },
      'request-id': upload.requestId,
      requester: ACCOUNT,
      'source-ip-address': '127.0.0.1',
      reason: upload.reason,
    },
  };
}
