pub struct Entry {
    value: String,
}

impl Entry {
    pub fn blank() -> Self {
        Self::fresh(String::new())
    }

    pub fn fresh(value: String) -> Entry {
        Entry { value }
    }

    pub fn weigh(&self, ttl: u32) -> usize {
        self.value.len() + super::super::version().len()
    }
}
