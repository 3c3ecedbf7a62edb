import XCTest
@testable import Shop

final class OrderTests: XCTestCase {
    func testTotal() throws {
        let order = Order(pricing: Pricing())
        XCTAssertEqual(order.total(), 0)
    }
}
