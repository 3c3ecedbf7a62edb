import { Injectable, Inject } from '@nestjs/common';
import defaultClock, { Clock as Watch } from '@app/users/clock';
import * as money from '../users/money';
import type { User } from '../users';
import './polyfill';

export { round as roundCents } from '../users/money';

/** What an order needs to be paid. */
export interface Gateway<T = unknown> extends Closable {
  readonly name: string;
  pay(order: Order, amount: number): Promise<T>;
  refund?(order: Order): void;
}

export type OrderId = string | number;

export enum Status {
  Open = 'open',
  Paid = 'paid',
}

export abstract class BaseService<T> {
  protected items: T[] = [];

  protected abstract load(id: OrderId): Promise<T | undefined>;

  protected log(message: string): void {
    console.log(message);
  }
}

/**
 * Takes orders.
 *
 * @see Gateway
 */
@Injectable()
export class OrdersService extends BaseService<Order> implements Closable, Reporter<Order> {
  private readonly watch = new Watch();
  #secret: string;
  retries = 3;

  constructor(
    private readonly gateway: Gateway<Receipt>,
    @Inject('USERS') public users: UserStore,
    limit = 10,
  ) {
    super();
    this.gateway.pay(undefined, limit);
  }

  handle = async (order: Order): Promise<void> => {
    await this.pay(order.id);
  };

  /** Pays one order. */
  async pay(id: OrderId, { force, note = '' }: PayOptions = {}, ...tags: string[]): Promise<Receipt> {
    const order = await this.load(id);
    const user = this.users.byId(order.userId);
    this.log(`pays ${money.format(order.total)}`);
    defaultClock();
    return this.gateway.pay(order, money.round(order.total));
  }

  protected async load(id: OrderId): Promise<Order | undefined> {
    return this.items.find((item) => item.id === id);
  }

  get size(): number {
    return this.items.length;
  }

  set size(value: number) {
    this.items.length = value;
  }

  static create(gateway: Gateway): OrdersService {
    return new OrdersService(gateway, new UserStore());
  }

  over(a: string): void;
  over(a: number): void;
  over(a: any): void {}

  close(): void {}
}

export class Order {
  constructor(public readonly id: OrderId, readonly total: number, readonly userId?: string) {}
}

class UserStore {
  byId(id?: string): User | undefined {
    return undefined;
  }
}

export default function checkout(order: Order, tax: number = 0): number {
  function inner() {
    return tax;
  }
  return order.total + inner();
}

export const total = (orders: Order[]): number => orders.reduce((sum, order) => sum + checkout(order), 0);

const helpers = {
  double(value: number) {
    return value * 2;
  },
  half: (value: number) => value / 2,
  unit: 1,
};

namespace Legacy {
  export function old(): void {
    helpers.double(1);
  }
  export class Tool {}
}

declare function external(name: string): void;

describe('orders', () => {
  const local = () => total([]);
  it('adds up', () => local());
});
