package org.example
package shop

import java.util.UUID

import org.example.billing.{Gateway, Receipt => Slip}
import org.example.shop.Pricing.*

import scala.concurrent.{ExecutionContext, Future}

/** An order and what it costs.
  *
  * Amounts are in cents.
  */
final case class Order(id: UUID, lines: List[Line] = Nil) extends Ordered[Order] with Priced:

  def total: Long = lines.map(_.cents).sum

  def compare(that: Order): Int = total.compareTo(that.total)

  override def price(using rate: Rate): BigDecimal = rate(total)

object Order:
  val Empty: Order = Order(UUID.randomUUID())

  def apply(text: String): Order = parse(text)

  private def parse(text: String): Order =
    Order(UUID.fromString(text), Nil)

  given Ordering[Order] = Ordering.by(_.total)

case class Line(sku: String, cents: Long)

sealed trait Outcome
object Outcome:
  case class Done(slip: Slip) extends Outcome
  case object Missing extends Outcome

enum State(val label: String):
  case Open extends State("open")
  case Paid extends State("paid")

  def isOver: Boolean = this == Paid

trait OrderStore {
  def find(id: UUID): Option[Order]
  def save(order: Order): Unit = ()
}

/** Takes orders.
  *
  * @param store where they are kept
  */
@Singleton
class OrderService @Inject() (store: OrderStore, gateway: Gateway)(implicit ec: ExecutionContext)
    extends Service("orders")
    with AutoCloseable {

  private val limit: Int = 10
  private lazy val clock = new Clock

  def this(store: OrderStore) = this(store, null)(ExecutionContext.global)

  /** Charge an order.
    *
    * @return the slip, where the order is known
    */
  @throws[PaymentException]("when the bank says no")
  def pay(id: UUID, force: Boolean = false)(notes: String*): Future[Option[Slip]] = {
    def known(): Option[Order] = store.find(id)
    known() match {
      case Some(order) if force || order.total < limit =>
        log(s"paying ${order.id}")
        val slip = gateway.charge(order)
        slip.stamp(clock.now)
        store.save(order)
        Future.successful(Some(slip))
      case None => Future.successful(None)
    }
  }

  override def close(): Unit = super.log("closed")

  def +=(order: Order): this.type = { store.save(order); this }

  private class Cursor[T <: Order](start: T) {
    def next(): T = start
  }
}

object OrderService extends App {
  println(new OrderService(null).shorten)

  implicit class Shortened(private val service: OrderService) extends AnyVal {
    def shorten: String = service.toString.take(5)
  }
}

extension (order: Order)
  def isFree: Boolean = order.total == 0
  def twice: Order = order.copy(lines = order.lines ++ order.lines)

@main def run(path: String): Unit =
  val order = Order(path)
  println(order.total)
  show(order)

def show(order: Order) = println(s"$order ${order.isFree}")
