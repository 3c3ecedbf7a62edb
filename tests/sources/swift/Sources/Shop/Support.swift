struct Clock {
    var offset = 0
    func now() -> Int { offset }
}

public class Pricing {
    public init() {}
    func price(of line: Order.Line) -> Int { line.cents }
}

extension String {
    /// At most so many characters.
    func shortened(to length: Int) -> String { String(prefix(length)) }
}

extension Order: Comparable {
    public static func < (left: Order, right: Order) -> Bool { left.total() < right.total() }

    func isFree() -> Bool { total() == 0 }
}

@main
struct Tool {
    static func main() async {
        let order = Order(pricing: Pricing())
        print(describe(order))
    }
}

func describe(_ order: Order) -> String { "\(order.isFree())" }
