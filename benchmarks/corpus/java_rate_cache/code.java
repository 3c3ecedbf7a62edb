public final class ExchangeRateCache {

    private static final Duration FRESH_FOR = Duration.ofMinutes(15);
    private static final Duration USABLE_FOR = Duration.ofHours(6);

    private final ConcurrentMap<CurrencyPair, Entry> entries = new ConcurrentHashMap<>();
    private final RateProvider provider;
    private final Clock clock;

    public ExchangeRateCache(RateProvider provider, Clock clock) {
        this.provider = provider;
        this.clock = clock;
    }

    public BigDecimal rate(CurrencyPair pair) {
        Instant now = clock.instant();
        Entry entry = entries.compute(pair, (key, old) -> {
            if (old != null && old.isYoungerThan(FRESH_FOR, now)) {
                return old;
            }
            try {
                return new Entry(provider.fetch(key), now);
            } catch (RateUnavailableException e) {
                if (old != null && old.isYoungerThan(USABLE_FOR, now)) {
                    return old;
                }
                throw e;
            }
        });
        return entry.rate();
    }

    public int evictStale() {
        Instant now = clock.instant();
        int before = entries.size();
        entries.values().removeIf(entry -> !entry.isYoungerThan(USABLE_FOR, now));
        return before - entries.size();
    }

    private record Entry(BigDecimal rate, Instant loadedAt) {
        boolean isYoungerThan(Duration age, Instant now) {
            return loadedAt.plus(age).isAfter(now);
        }
    }
}
