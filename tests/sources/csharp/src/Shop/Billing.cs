using System;
using System.Threading.Tasks;
using Shop.Orders;

namespace Shop
{
    public abstract class ServiceBase
    {
        protected ServiceBase(string name) { }

        protected internal virtual void Log(string text) => Console.WriteLine(text);
    }

    public static class Texts
    {
        /// <summary>Cuts a text.</summary>
        public static string Shorten(this string text, int length) => text.Length <= length ? text : text[..length];
    }

    namespace Billing
    {
        public interface IGateway
        {
            Task<Receipt> ChargeAsync(Order order, decimal amount);
        }

        public interface IOrderTaker { }

        public struct Receipt
        {
            public Receipt(Order order) { }

            public void Stamp(DateTime at) { }
        }

        public class SystemClock
        {
            public DateTime Now() => DateTime.UtcNow;
        }

        public static class Rounding
        {
            public static decimal Round(decimal amount) => Math.Round(amount, 2);
        }

        public class PaymentException : Exception
        {
            public PaymentException(Guid order) : base(order.ToString()) { }
        }
    }
}
