public sealed class SeatHoldService
{
    private static readonly TimeSpan HoldTime = TimeSpan.FromMinutes(10);
    private readonly BoxOfficeContext _db;
    private readonly TimeProvider _time;
    private readonly ILogger<SeatHoldService> _logger;

    public SeatHoldService(BoxOfficeContext db, TimeProvider time, ILogger<SeatHoldService> logger)
    {
        _db = db;
        _time = time;
        _logger = logger;
    }

    public async Task<IReadOnlyList<Seat>> HoldAsync(
        Guid showId, Guid customerId, int count, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 8);

        var now = _time.GetUtcNow();
        var seats = await _db.Seats
            .Where(s => s.ShowId == showId && !s.Sold && (s.HeldUntil == null || s.HeldUntil <= now))
            .OrderBy(s => s.Row).ThenBy(s => s.Number)
            .Take(count)
            .ToListAsync(ct);
        if (seats.Count < count)
        {
            throw new NotEnoughSeatsException(showId, seats.Count);
        }

        foreach (var seat in seats)
        {
            seat.HeldBy = customerId;
            seat.HeldUntil = now + HoldTime;
        }

        try
        {
            await _db.SaveChangesAsync(ct);
        }
        catch (DbUpdateConcurrencyException ex)
        {
            _logger.LogInformation(ex, "Seats of show {ShowId} were taken meanwhile", showId);
            throw new SeatsTakenException(showId, ex);
        }
        return seats;
    }
}
