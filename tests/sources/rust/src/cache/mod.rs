pub mod entry;

use self::entry::Entry;
use crate::policy::{self, Lru, Policy as Rule};
use std::{collections::HashMap, fmt, io::{self as stdio, Read}};
use std::sync::Arc;

/// Keeps entries.
///
/// Not thread-safe.
#[derive(Debug)]
pub struct Cache<P: Rule = Lru>
where
    P: Clone,
{
    pub(crate) entries: HashMap<u64, Entry>,
    policy: Arc<P>,
    root: Box<Entry>,
}

pub struct Pair(pub u64, Entry);

pub enum Lookup {
    Hit(u64),
    Miss,
}

impl<P: Rule> Cache<P> {
    /// An empty cache.
    #[inline]
    pub const fn new(policy: P) -> Self {
        Self { entries: HashMap::new(), policy: Arc::new(policy), root: Box::new(Entry::blank()) }
    }

    pub(crate) async fn put(&mut self, mut key: u64, (value, ttl): (String, u32)) -> Result<Lookup, Full> {
        let entry = Entry::fresh(value);
        entry.weigh(ttl);
        self.policy.touch(key);
        self.root.weigh(1);
        policy::check(key);
        crate::version();
        debug!("put {}", self.describe(key));
        helper::<u64>(key)?;
        Ok(Lookup::Hit(key))
    }

    fn describe(&self, key: u64) -> String {
        let show = |k: u64| k.to_string();
        show(key)
    }
}

impl<P> fmt::Display for Cache<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cache")
    }
}

impl Iterator for Pair {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        None
    }
}

impl From<Lookup> for String {
    fn from(found: Lookup) -> String {
        String::new()
    }
}

fn helper<T>(key: T) -> Result<T, Full> {
    fn nested() {}
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_empty() {
        let cache = Cache::new(Lru::default());
        assert_eq!(cache.describe(1), "1");
    }
}
