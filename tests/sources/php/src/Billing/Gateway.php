<?php

namespace Shop\Billing {

    use Shop\Orders\Order;

    interface Gateway
    {
        public function charge(Order $order, string $amount): Receipt;
    }

    class Receipt
    {
    }
}

namespace Shop\Concerns {

    trait Audits
    {
        /** Writes down who did what. */
        protected function audit(string $what, int $id): void
        {
            error_log("$what $id");
        }
    }
}

namespace Shop\Support {

    const LIMIT = 10;

    function money(int $cents): string
    {
        return sprintf('%.2f', $cents / 100);
    }
}
