/// Decides what leaves the cache.
pub trait Policy: Send + Sync {
    type Key;
    const SIZE: usize = 1;

    /// The key that leaves next.
    fn victim(&self) -> Option<u64>;

    fn touch(&mut self, key: u64) {
        self.note(key);
    }

    fn note(&mut self, _key: u64) {}
}

#[derive(Debug, Default)]
pub struct Lru {
    order: Vec<u64>,
}

impl Policy for Lru {
    type Key = u64;

    fn victim(&self) -> Option<u64> {
        self.order.first().copied()
    }
}
