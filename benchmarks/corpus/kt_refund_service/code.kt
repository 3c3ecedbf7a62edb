@Service
class RefundService(
    private val payments: PaymentRepository,
    private val refunds: RefundRepository,
    private val gateway: PaymentGateway,
    private val events: ApplicationEventPublisher,
) {
    @Transactional(timeout = 10)
    fun refund(paymentId: Long, amount: BigDecimal, requestKey: String): Refund {
        require(amount > BigDecimal.ZERO) { "amount must be positive" }
        refunds.findByRequestKey(requestKey)?.let { return it }

        val payment = payments.findByIdForUpdate(paymentId)
            ?: throw PaymentNotFound(paymentId)
        check(payment.status == PaymentStatus.CAPTURED) { "payment $paymentId is ${payment.status}" }

        val alreadyRefunded = refunds.sumByPayment(paymentId) ?: BigDecimal.ZERO
        if (alreadyRefunded + amount > payment.amount) {
            throw RefundTooLarge(paymentId, payment.amount - alreadyRefunded)
        }

        val receipt = gateway.refund(payment.gatewayReference, amount, requestKey)
        val refund = refunds.save(Refund(paymentId, amount, requestKey, receipt.reference))
        if ((alreadyRefunded + amount).compareTo(payment.amount) == 0) {
            payment.status = PaymentStatus.REFUNDED
        }
        events.publishEvent(RefundIssued(refund.id, paymentId, amount))
        return refund
    }
}
