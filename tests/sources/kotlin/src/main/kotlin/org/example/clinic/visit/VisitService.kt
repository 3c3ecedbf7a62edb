package org.example.clinic.visit

import org.example.clinic.owner.Owner
import org.example.clinic.owner.OwnerController

@Service
class VisitService {
    @Autowired private lateinit var calendar: Calendar

    fun planFor(owner: Owner): Visit {
        val controller = OwnerController.create(TODO())
        controller.find(owner.name)
        return calendar.reserve(Visit(owner))
    }
}

class Visit(val owner: Owner)

abstract class Calendar {
    abstract fun reserve(visit: Visit): Visit
}
