@KafkaListener(
    topics = ["warehouse.stock-moved"],
    groupId = "storefront-inventory",
    concurrency = "3",
)
fun onStockMoved(record: ConsumerRecord<String, StockMoved>, ack: Acknowledgment) {
    val event = record.value()
    if (event == null) {
        log.warn("tombstone at {}-{}@{} ignored", record.topic(), record.partition(), record.offset())
        ack.acknowledge()
        return
    }

    val level = levels.findBySku(event.sku) ?: StockLevel(sku = event.sku, available = 0, version = 0L)
    if (event.sequence <= level.version) {
        meters.counter("stock.events.stale").increment()
        ack.acknowledge()
        return
    }

    val available = maxOf(0, level.available + event.delta)
    levels.upsert(level.copy(available = available, version = event.sequence))
    if (available < event.reorderPoint && level.available >= event.reorderPoint) {
        purchasing.requestReorder(event.sku, event.reorderPoint - available)
    }
    ack.acknowledge()
}
