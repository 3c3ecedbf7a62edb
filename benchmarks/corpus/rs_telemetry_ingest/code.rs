/// Accepts a batch of measurements from one device.
pub async fn ingest(
    State(app): State<AppState>,
    Path(device_id): Path<Uuid>,
    headers: HeaderMap,
    Json(batch): Json<Vec<Measurement>>,
) -> Result<(StatusCode, Json<IngestReport>), ApiError> {
    if batch.is_empty() || batch.len() > MAX_BATCH {
        return Err(ApiError::BatchSize { got: batch.len(), max: MAX_BATCH });
    }

    let key = headers
        .get("x-device-key")
        .and_then(|value| value.to_str().ok())
        .ok_or(ApiError::Unauthorized)?;
    app.devices.authenticate(device_id, key).await?;

    let newest_allowed = Utc::now() + TimeDelta::minutes(5);
    let total = batch.len();
    let accepted: Vec<Measurement> = batch
        .into_iter()
        .filter(|m| m.value.is_finite() && m.taken_at <= newest_allowed)
        .collect();
    let rejected = total - accepted.len();

    match tokio::time::timeout(Duration::from_secs(2), app.queue.push(device_id, accepted)).await {
        Ok(Ok(())) => {}
        Ok(Err(QueueFull)) => return Err(ApiError::Overloaded { retry_after: 30 }),
        Err(_elapsed) => return Err(ApiError::Overloaded { retry_after: 10 }),
    }

    metrics::counter!("ingest_rejected_total").increment(rejected as u64);
    let report = IngestReport { accepted: total - rejected, rejected };
    Ok((StatusCode::ACCEPTED, Json(report)))
}
