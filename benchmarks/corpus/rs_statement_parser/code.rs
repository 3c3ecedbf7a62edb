/// Parses a bank statement of lines `2024-03-01;REF-9;-12,50;EUR;Coffee; beans`.
/// Empty lines and lines starting with `#` are skipped.
pub fn parse_statement<'a>(
    text: &'a str,
    currency: &'a str,
) -> impl Iterator<Item = Result<Booking<'a>, StatementError>> + 'a {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(move |(index, line)| {
            let at = index + 1;
            let mut parts = line.splitn(5, ';').map(str::trim);
            let mut next = |name: &'static str| {
                parts.next().ok_or(StatementError::MissingField { line: at, name })
            };

            let date = NaiveDate::parse_from_str(next("date")?, "%Y-%m-%d")
                .map_err(|source| StatementError::Date { line: at, source })?;
            let reference = next("reference")?;
            let cents = parse_cents(next("amount")?)
                .ok_or(StatementError::Amount { line: at })?;
            let found = next("currency")?;
            if found != currency {
                return Err(StatementError::Currency { line: at, found: found.to_owned() });
            }
            let note = next("note").unwrap_or("");
            Ok(Booking { date, reference, cents, note })
        })
}

fn parse_cents(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once(',')?;
    if fraction.len() != 2 || !digits.bytes().all(|b| b.is_ascii_digit() || b == b',') {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = fraction.parse().ok()?;
    Some(sign * whole.checked_mul(100)?.checked_add(fraction)?)
}
