@Scheduled(cron = "${reports.daily.cron:0 30 5 * * *}", zone = "Europe/Madrid")
@SchedulerLock(name = "dailySalesReport", lockAtLeastFor = "PT5M", lockAtMostFor = "PT45M")
public void sendDailySalesReport() {
    LocalDate day = LocalDate.now(clock).minusDays(1);
    if (reportLog.existsByDay(day)) {
        log.info("report for {} was already sent", day);
        return;
    }

    Map<String, Money> totals = new TreeMap<>();
    try (Stream<Sale> sales = saleRepository.streamByDay(day)) {
        sales.filter(sale -> !sale.isCancelled())
            .forEach(sale -> totals.merge(sale.getRegion(), sale.getTotal(), Money::add));
    }

    byte[] workbook = workbookWriter.write(day, totals);
    int failed = 0;
    for (String recipient : recipients) {
        try {
            mailer.send(recipient, "Sales of " + day, workbook);
        } catch (MailException e) {
            failed++;
            log.error("report for {} not delivered to {}", day, recipient, e);
        }
    }
    if (failed < recipients.size()) {
        reportLog.save(new ReportEntry(day, clock.instant(), recipients.size() - failed));
    }
}
