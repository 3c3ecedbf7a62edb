<?php

namespace Shop\Orders;

/** Keeps orders. */
class OrderStore
{
    /** @var array<int, Order> */
    private array $known = [];

    public function find(int $id): ?Order
    {
        return $this->known[$id] ?? null;
    }
}

class Order
{
    public array $lines = [];

    public function total(): int
    {
        return count($this->lines);
    }
}

class PaymentFailed extends \RuntimeException
{
}
