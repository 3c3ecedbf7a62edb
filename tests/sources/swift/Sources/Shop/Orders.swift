//
//  Orders.swift
//

import Foundation
@testable import struct Billing.Receipt

/// How an order can fail.
public enum OrderError: Error, Equatable {
    case unknown(id: UUID)
    case refused(reason: String)

    var isFinal: Bool {
        switch self {
        case .unknown: return true
        case .refused: return false
        }
    }

    func text() -> String { "\(self)" }
}

/// Keeps orders.
public protocol OrderStore: AnyObject, Sendable {
    associatedtype Key: Hashable
    var count: Int { get }
    func find(_ id: UUID) async throws -> Order?
    func save(order: Order)
    init(path: String)
}

/// An order of one customer.
///
/// - Note: amounts are in cents.
public struct Order: Codable, Identifiable {
    public let id: UUID
    public var lines: [Line] = []
    var pricing: Pricing

    public struct Line: Codable {
        let sku: String
        var cents: Int
    }

    public init(id: UUID = UUID(), pricing: Pricing) {
        self.id = id
        self.pricing = pricing
    }

    init?(text: String) {
        guard let id = UUID(uuidString: text) else { return nil }
        self.init(id: id, pricing: Pricing())
    }

    /// What it costs, taxes included.
    public func total(rounded: Bool = false) -> Int {
        lines.reduce(0) { $0 + pricing.price(of: $1) }
    }

    mutating func add(_ line: Line, times count: Int = 1) -> Self {
        lines.append(line)
        return self
    }

    subscript(index: Int) -> Line { lines[index] }

    static func + (left: Order, right: Order) -> Order {
        left
    }
}

open class Service {
    let name: String
    init(name: String) { self.name = name }
    deinit { close() }
    func log(_ text: String) {}
    func close() {}
}

/// Takes orders and charges them.
@MainActor
public final class OrderService<Store: OrderStore>: Service, @unchecked Sendable {
    private let store: Store
    private nonisolated(unsafe) var taken = 0
    weak var gateway: Gateway?

    #if DEBUG
    private let clock = Clock()
    #else
    private let clock = Clock(offset: 1)
    #endif

    public init(store: Store, gateway: Gateway? = nil) {
        self.store = store
        self.gateway = gateway
        super.init(name: "orders")
    }

    /// Charge an order.
    ///
    /// - Parameters:
    ///   - id: which
    ///   - force: even if it was charged before
    /// - Throws: `OrderError.unknown`
    /// - Returns: the receipt
    @discardableResult
    public func pay(_ id: UUID, force: Bool = false, notes: String...) async throws -> Receipt? {
        guard let order = try await store.find(id) else {
            throw OrderError.unknown(id: id)
        }
        log("paying \(order.id)")
        let receipt = try gateway?.charge(order, amount: order.total(rounded: true))
        receipt?.stamp(at: clock.now())
        store.save(order: order)
        Self.remember(order)
        return receipt
    }

    static func remember(_ order: Order) {}

    override func log(_ text: String) {
        super.log(text.shortened(to: 80))
        each { line in print(line) }
    }

    func each(_ visit: (Order.Line) -> Void) {
        func inner() {}
        inner()
    }
}

public protocol Gateway: AnyObject {
    func charge(_ order: Order, amount: Int) throws -> Receipt
}

extension Gateway {
    func refund(_ order: Order) throws { _ = try charge(order, amount: -order.total()) }
}

actor Counter {
    private var value = 0
    func increase() -> Int { value += 1; return value }
}
