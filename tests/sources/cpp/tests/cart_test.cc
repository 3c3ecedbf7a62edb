#include <gtest/gtest.h>

#include "shop/cart.hpp"

class CartTest : public ::testing::Test {
 protected:
  void SetUp() override { cart_.add({"tea", {250}}); }
  shop::Cart cart_{nullptr};
};

TEST_F(CartTest, Adds) {
  EXPECT_EQ(cart_.size(), 1u);
  SetUp();
}

TEST(MoneyTest, Parses) {
  EXPECT_EQ(shop::Money::parse("1").cents, 1);
}
