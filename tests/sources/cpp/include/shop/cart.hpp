#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "shop/price.hpp"

#define SHOP_EXPORT
#define GUARDED_BY(x)
#define EXCLUSIVE_LOCKS_REQUIRED(x)

namespace shop {

class Clock;

/// What is sold.
struct Item {
  std::string sku;
  Money price;
  int count = 1;
};

/// Says what a cart costs.
class Pricing {
 public:
  virtual ~Pricing() = default;

  /// The price of one item, taxes included.
  virtual Money price_of(const Item& item) const = 0;
  virtual const Item* cheapest() = 0;
};

enum class State : unsigned char { Open, Paid };

/**
 * A cart of one customer.
 *
 * Safe for several threads.
 */
class SHOP_EXPORT Cart final : public Pricing, private detail::Counted<Cart> {
 public:
  explicit Cart(std::shared_ptr<Pricing> pricing, Clock* clock = nullptr);
  Cart(const Cart&) = delete;
  Cart& operator=(const Cart&) = delete;
  ~Cart() override;

  Money price_of(const Item& item) const override;
  const Item* cheapest() override;

  /// Put an item in; the number of items afterwards.
  std::size_t add(Item item, int count = 1);

  std::size_t size() const noexcept { return items_.size(); }
  Cart& operator+=(const Item& item) {
    add(item);
    return *this;
  }
  explicit operator bool() const { return size() > 0; }

  template <typename Visitor>
  void each(Visitor&& visit) const {
    for (const auto& item : items_) visit(item);
  }

  class Receipt {
   public:
    Receipt(const Cart& cart) : cart_(cart) {}
    Money total() const { return cart_.total(); }

   private:
    const Cart& cart_;
  };

  Money total() const;

 private:
  void forget() EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable std::mutex mutex_;
  std::vector<Item> items_ GUARDED_BY(mutex_);
  std::shared_ptr<Pricing> pricing_;
  State state_{State::Open};
};

template <typename T>
T twice(T value) {
  return value + value;
}

}  // namespace shop
