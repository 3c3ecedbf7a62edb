<?php

declare(strict_types=1);

namespace Shop\Orders;

use Psr\Log\LoggerInterface as Log;
use Shop\Billing\{Gateway, Receipt};
use Shop\Concerns\Audits;

use function Shop\Support\money;
use const Shop\Support\LIMIT;

require_once __DIR__ . '/legacy.php';

/**
 * Answers questions about orders.
 *
 * @see OrderStore
 */
#[Route('/orders')]
final class OrderController extends Controller implements Listener, \JsonSerializable
{
    use Audits;

    private const TAX = 0.2;

    private ?Gateway $gateway;

    public function __construct(
        private readonly OrderStore $orders,
        protected Log $log,
        Gateway $gateway = null,
    ) {
        parent::__construct('orders');
        $this->gateway = $gateway;
    }

    /**
     * Charge an order.
     *
     * @throws PaymentFailed
     */
    #[Post('/{id}/pay')]
    public function pay(int $id, array $options = ['force' => false], string ...$notes): Receipt|null
    {
        $order = $this->orders->find($id);
        if ($order === null) {
            throw new PaymentFailed($id);
        }
        $this->audit('pay', $id);
        $receipt = $this->gateway?->charge($order, money($order->total()));
        self::remember($receipt);
        foreach ($this->lines($order) as $line) {
            $this->log->info($line);
        }

        return $receipt;
    }

    public static function remember(?Receipt &$receipt): static
    {
        static $known = [];
        $handler = function () use ($receipt) {
            return new class {
                public function handle(): void
                {
                }
            };
        };

        return new static(new OrderStore(), Log::make());
    }

    private function lines(Order $order): \Generator
    {
        yield from array_map(fn (string $line) => legacy_trim($line), $order->lines);
    }

    public function jsonSerialize(): mixed
    {
        return [];
    }
}

abstract class Controller
{
    public function __construct(string $name)
    {
    }

    abstract protected function lines(Order $order): \Generator;
}

interface Listener
{
    /** Hears of an order. */
    const CHANNEL = 'orders';
}

enum State: string
{
    case Open = 'open';
    case Paid = 'paid';

    public function label(): string
    {
        return ucfirst($this->value);
    }
}
