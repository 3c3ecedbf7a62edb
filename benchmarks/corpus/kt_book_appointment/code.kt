@PostMapping("/clinics/{clinicId}/appointments")
@ResponseStatus(HttpStatus.CREATED)
@PreAuthorize("hasRole('PATIENT')")
fun book(
    @PathVariable clinicId: UUID,
    @Valid @RequestBody request: BookingRequest,
    @AuthenticationPrincipal patient: PatientPrincipal,
): AppointmentView {
    val slot = slots.findFree(clinicId, request.doctorId, request.startsAt)
        ?: throw ResponseStatusException(HttpStatus.CONFLICT, "slot is not free")

    if (slot.startsAt.isBefore(clock.instant().plus(MIN_NOTICE))) {
        throw ResponseStatusException(HttpStatus.UNPROCESSABLE_ENTITY, "too late to book this slot")
    }

    val appointment = try {
        appointments.save(
            Appointment(
                patientId = patient.id,
                slotId = slot.id,
                reason = request.reason?.trim()?.take(MAX_REASON_LENGTH),
            ),
        )
    } catch (e: DataIntegrityViolationException) {
        throw ResponseStatusException(HttpStatus.CONFLICT, "slot was taken meanwhile", e)
    }

    reminders.schedule(appointment.id, slot.startsAt.minus(Duration.ofHours(24)))
    log.info("appointment {} booked for slot {}", appointment.id, slot.id)
    return AppointmentView.of(appointment, slot)
}
