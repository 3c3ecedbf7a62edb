namespace Shop.Orders;

public partial class OrderService
{
    /// <summary>How many were taken.</summary>
    public string Report() => $"{Count} orders".Shorten(20);
}
