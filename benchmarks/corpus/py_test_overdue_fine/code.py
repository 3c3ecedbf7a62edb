@pytest.mark.parametrize(
    ("days_late", "expected"),
    [
        (0, Decimal("0.00")),
        (1, Decimal("0.25")),
        (10, Decimal("2.50")),
        (400, Decimal("15.00")),
    ],
)
def test_fine_grows_daily_and_stops_at_the_cap(
    days_late: int,
    expected: Decimal,
    member: Member,
    frozen_clock: FrozenClock,
) -> None:
    desk = LendingDesk(clock=frozen_clock, daily_fine=Decimal("0.25"), fine_cap=Decimal("15.00"))
    loan = desk.lend(member, copy_id="C-1007", days=21)

    frozen_clock.advance(timedelta(days=21 + days_late))
    receipt = desk.take_back(loan.copy_id)

    assert receipt.fine == expected
    assert member.open_loans == 0
    if expected:
        assert member.debts[-1].loan_id == loan.id
    else:
        assert member.debts == []
