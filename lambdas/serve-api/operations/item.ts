import { z } from 'zod';
import { operation } from '../operation.ts';
import { itemId } from '../schemas.ts';
import { explainSeen, explanationSchema, itemSchema, seeItem, viewItem } from '../see-item.ts';

const itemParams = z.object({ item: itemId });

export const showItem = operation({
  id: 'showItem',
  method: 'GET',
  path: '/v1/items/{item}',
  summary: 'One item: whether it waits, is in work or is done, and how it ended.',
  scope: 'read',
  params: itemParams,
  answers: { 200: { says: 'The item', schema: itemSchema } },
  leadsTo: { explainItem: { item: 'item' } },
  problems: [404],
  handle: async ({ params, caller }, ports) => ({ status: 200, body: viewItem(await seeItem(params.item, caller.tenant, ports)) }),
});

export const explain = operation({
  id: 'explainItem',
  method: 'GET',
  path: '/v1/items/{item}/explain',
  summary: 'Why an item waits, or why it ended as it did: its place in the plan, its batch, workers that died at it, limits that hold it.',
  scope: 'read',
  params: itemParams,
  answers: { 200: { says: 'What is known of it', schema: explanationSchema } },
  problems: [404],
  async handle({ params, caller }, ports) {
    return { status: 200, body: await explainSeen(await seeItem(params.item, caller.tenant, ports), ports) };
  },
});
