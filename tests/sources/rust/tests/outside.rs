use tiny_cache::{Entry, Lru};

#[test]
fn reaches_in() {
    Entry::blank().weigh(1);
    tiny_cache::version();
}
