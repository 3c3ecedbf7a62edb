#pragma once

namespace shop {

/// An amount in cents.
struct Money {
  long cents;

  constexpr Money operator+(Money other) const { return {cents + other.cents}; }
  static Money parse(const char* text);
};

namespace detail {
template <typename T>
class Counted {
 protected:
  void count_up() { ++number_; }

 private:
  int number_ = 0;
};
}  // namespace detail
}  // namespace shop
