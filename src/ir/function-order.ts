/**
 * The order of a function's blocks, found out once for each list of blocks: most passes leave the control flow as it
 * is.
 */

import { type Order, orderOf } from '../code/index.js';
import { type Block, type FunctionCode, successors } from './function.js';

const orders = new WeakMap<FunctionCode['blocks'], Order>();

/** Throws TypeError where a block that can be reached is not there. */
export function orderOfCode({ blocks }: FunctionCode): Order {
  let order = orders.get(blocks);
  if (order === undefined) {
    order = orderOf(blocks.length, 0, (id) => successors((blocks[id] as Block).end));
    orders.set(blocks, order);
  }
  return order;
}

/** Says that other blocks have this order. */
export function shareOrder(blocks: FunctionCode['blocks'], order: Order): void {
  orders.set(blocks, order);
}
