@Service
@Transactional(readOnly = true)
public class InvoiceService {

    private static final int MAX_PAGE_SIZE = 200;

    private final InvoiceRepository invoices;
    private final Clock clock;

    public InvoiceService(InvoiceRepository invoices, Clock clock) {
        this.invoices = invoices;
        this.clock = clock;
    }

    public Page<Invoice> openInvoices(long customerId, int page, int size) {
        Pageable request = PageRequest.of(page, Math.min(size, MAX_PAGE_SIZE), Sort.by("dueDate").ascending());
        return invoices.findByCustomerIdAndPaidAtIsNull(customerId, request);
    }

    public BigDecimal balance(long customerId) {
        return invoices.sumOpenAmount(customerId).orElse(BigDecimal.ZERO);
    }

    @Transactional
    public Invoice markPaid(long invoiceId, String bankReference) {
        Objects.requireNonNull(bankReference, "bankReference");
        Invoice invoice = invoices.findById(invoiceId)
            .orElseThrow(() -> new EntityNotFoundException("invoice " + invoiceId));
        if (invoice.getPaidAt() == null) {
            invoice.setPaidAt(clock.instant());
            invoice.setBankReference(bankReference);
        }
        return invoice;
    }

    @Transactional
    public int cancelDrafts(Duration olderThan) {
        return invoices.deleteByStateAndCreatedAtBefore(InvoiceState.DRAFT, clock.instant().minus(olderThan));
    }
}
