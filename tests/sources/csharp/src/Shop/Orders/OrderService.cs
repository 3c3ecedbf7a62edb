using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Shop.Billing;
using Clock = Shop.Billing.SystemClock;
using static Shop.Billing.Rounding;

namespace Shop.Orders;

/// <summary>Keeps orders.</summary>
public interface IOrderStore : IDisposable
{
    Task<Order?> FindAsync(Guid id, CancellationToken stop = default);

    void Save(Order order);
}

/// <summary>An order and what it costs.</summary>
/// <param name="Id">its number</param>
public sealed record Order(Guid Id, decimal Total)
{
    public List<string> Lines { get; init; } = new();

    public bool IsFree => Total == 0m;

    public static Order operator +(Order left, Order right) => left with { Total = left.Total + right.Total };

    public static explicit operator decimal(Order order) => order.Total;
}

public enum OrderState : byte { Open, Paid }

public delegate bool OrderFilter(Order order, OrderState state);

/// <summary>
/// Takes orders and charges them.
/// </summary>
/// <remarks>One instance per request.</remarks>
[Service(Lifetime.Scoped)]
public partial class OrderService : ServiceBase, IOrderTaker
{
    private readonly IOrderStore _store;
    private readonly Clock _clock = new();
    private static readonly object Gate = new();

    public event EventHandler<Order>? Taken;

    public int Count { get; private set; }

    public OrderService(IOrderStore store, IGateway gateway) : base("orders")
    {
        _store = store;
        Gateway = gateway;
    }

    public IGateway Gateway { get; }

    public Order this[Guid id]
    {
        get => _store.FindAsync(id).Result!;
    }

    /// <summary>Charge an order.</summary>
    /// <returns>the receipt</returns>
    /// <exception cref="PaymentException">when the bank says no</exception>
    [Audited, Retry(times: 3)]
    public async Task<Receipt> TakeAsync(Order order, bool force = false, params string[] notes)
    {
#if TRACE
        Log("taking");
#endif
        var known = await _store.FindAsync(order.Id);
        if (known is not null && !force)
            throw new PaymentException(order.Id);
        var receipt = await Gateway.ChargeAsync(order, Round(order.Total));
        lock (Gate)
        {
            Count++;
        }
        _store.Save(order);
        Taken?.Invoke(this, order);
        receipt.Stamp(_clock.Now());
        return receipt;
    }

    public void Each(Action<Order> visit)
    {
        foreach (Order order in All())
        {
            visit(order);
        }

        IEnumerable<Order> All() => Array.Empty<Order>();
    }

    public void Dispose() => _store.Dispose();

    ~OrderService() => Dispose();

    protected internal override void Log(string text) => base.Log(text.Shorten(80));

    private sealed class Cursor<T> where T : class, new()
    {
        public Cursor(T start) => Start = start;

        public T Start { get; }

        public T Next() => new T();
    }
}
