@file:Suppress("unused")

package org.example.clinic.owner

import java.time.LocalDate
import org.example.clinic.owner.OwnerMapper.toDto as convert
import org.example.clinic.visit.*
import org.springframework.web.bind.annotation.*

/**
 * Answers questions about owners.
 *
 * One instance per application.
 * @property owners where owners are kept
 */
@RestController
@RequestMapping(path = ["/owners"], produces = ["application/json"])
class OwnerController(private val owners: OwnerRepository, private val visits: VisitService? = null) {

    private val log = LoggerFactory.getLogger(OwnerController::class.java)
    lateinit var clock: Clock

    init {
        register(this)
    }

    /** All owners with that name, newest first. */
    @GetMapping
    fun find(@RequestParam(defaultValue = "") lastName: String): List<OwnerDto> =
        owners.findByLastName(lastName).map { it.toDto() }

    @PostMapping("/{id}")
    suspend fun update(@PathVariable id: Long, @RequestBody change: OwnerChange): OwnerDto? {
        val owner = owners.findById(id) ?: return null
        check(change)
        owner.rename(change.name)
        visits?.planFor(owner)
        return convert(owners.save(owner))
    }

    private fun check(change: OwnerChange) {
        require(change.name.isNotBlank()) { "name must not be blank" }
    }

    companion object {
        const val PAGE = 20

        fun create(repository: OwnerRepository) = OwnerController(repository)
    }
}

interface OwnerRepository : Repository<Owner, Long> {
    fun findByLastName(lastName: String): Collection<Owner>
    fun findById(id: Long): Owner?
    fun save(owner: Owner): Owner
}

open class Owner(val id: Long?, var name: String) : Person(name), Comparable<Owner> {
    constructor(name: String) : this(null, name) {
        touch()
    }

    fun rename(name: String, force: Boolean = false) {
        this.name = name
    }

    fun rename(change: OwnerChange) = rename(change.name)

    override fun compareTo(other: Owner): Int = name.compareTo(other.name)

    inner class Note(val text: String) {
        fun read(): String = text
    }
}

data class OwnerChange(val name: String, val since: LocalDate = LocalDate.now())

data class OwnerDto(val name: String)

object OwnerMapper {
    fun toDto(owner: Owner): OwnerDto = OwnerDto(owner.name)
}

sealed interface Outcome {
    data class Done(val owner: Owner) : Outcome
    data object Missing : Outcome
}

enum class Level(val weight: Int) {
    LOW(1) {
        override fun label() = "low"
    },
    HIGH(2);

    open fun label(): String = name
}

fun interface Check {
    fun passes(owner: Owner): Boolean
}

class CachedOwners(private val origin: OwnerRepository) : OwnerRepository by origin {
    private val cache = mutableMapOf<Long, Owner>()

    override fun findById(id: Long): Owner? {
        return cache[id] ?: origin.findById(id)
    }

    companion object Limits {
        fun biggest(): Int = 100
    }
}

fun Owner.toDto(full: Boolean = false): OwnerDto {
    rename(name.trim())
    return OwnerMapper.toDto(this)
}

internal fun <T : Comparable<T>> List<T>.newest(): T? = maxOrNull()
