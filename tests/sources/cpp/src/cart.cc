// The cart.
#include "shop/cart.hpp"

#include <algorithm>
#include <utility>

namespace shop {

namespace {

constexpr int kLimit = 100;

// Whether a cart may grow so far.
bool fits(std::size_t count) {
  return count <= kLimit;
}

}  // namespace

Cart::Cart(std::shared_ptr<Pricing> pricing, Clock* clock)
    : pricing_(std::move(pricing))
#ifdef SHOP_TRACE
      ,
      trace_(true)
#endif
{
  count_up();
}

Cart::~Cart() { forget(); }

std::size_t Cart::add(Item item, int count) {
  std::lock_guard<std::mutex> held(mutex_);
  if (!fits(items_.size())) throw std::length_error("cart");
  item.count = count;
  items_.push_back(std::move(item));
  return items_.size();
}

Money Cart::price_of(const Item& item) const { return pricing_->price_of(item); }

const Item* Cart::cheapest() {
  auto by_price = [this](const Item& a, const Item& b) { return price_of(a).cents < price_of(b).cents; };
  return &*std::min_element(items_.begin(), items_.end(), by_price);
}

Money Cart::total() const {
  Money sum{0};
  each([&](const Item& item) { sum = sum + price_of(item); });
  return twice(sum);
}

void Cart::forget() { items_.clear(); }

Money Money::parse(const char* text) { return Money{std::atol(text)}; }

}  // namespace shop

int main() {
  shop::Cart cart(nullptr);
  cart.add({"tea", shop::Money::parse("250")});
  shop::Cart::Receipt receipt(cart);
  return receipt.total().cents > 0 ? 0 : 1;
}
