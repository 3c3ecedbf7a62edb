using Shop;
using Shop.Orders;

var name = args.Length > 0 ? args[0] : "shop";
Console.WriteLine(name.Shorten(10));
Run(name);

static void Run(string name)
{
    var filter = new OrderFilter((order, state) => order.IsFree);
}
