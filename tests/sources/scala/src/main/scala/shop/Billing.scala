package org.example.billing {

  import org.example.shop.Order

  trait Gateway {
    def charge(order: Order): Receipt
  }

  class Receipt {
    def stamp(at: Long): Unit = ()
  }
}

package org.example.shop {

  abstract class Service(name: String) {
    protected def log(text: String): Unit = println(s"$name: $text")
  }

  class Clock {
    def now: Long = System.currentTimeMillis
  }

  trait Priced { def price(using rate: Rate): BigDecimal }

  object Pricing {
    type Rate = Long => BigDecimal
  }
}
