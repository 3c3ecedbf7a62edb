/* Licensed to nobody. */
package org.example.library;

import static org.example.library.Dates.inDays;

import java.util.List;
import java.util.Optional;
import org.example.library.members.*;

/**
 * Lends books to members.
 *
 * <p>Thread-safe: all state is in the {@link BookRepository}.
 *
 * @since 2
 */
@Service
@Transactional(readOnly = true)
public class LendingService extends AbstractService<Book> implements Lender, AutoCloseable {
  private static final int MAX = 5;
  private final BookRepository books;
  private final Notifier notifier = new Notifier(MAX);

  /** Wires the service. */
  @Autowired
  public LendingService(final BookRepository books) {
    super("lending");
    this.books = books;
  }

  LendingService() {
    this(new InMemoryBooks());
  }

  /**
   * Lends one book.
   *
   * @param isbn the book
   * @param member who takes it
   * @return the loan
   */
  @Override
  @Transactional
  public Loan lend(String isbn, Member member) throws NoSuchBookException {
    Book book = books.byIsbn(isbn).orElseThrow(() -> new NoSuchBookException(isbn));
    member.remember(book);
    audit("lend", isbn);
    Loan loan = Loan.of(book, inDays(14));
    notifier.tell(loan);
    return this.books.save(loan);
  }

  public Loan lend(String isbn) throws NoSuchBookException {
    return lend(isbn, Member.anonymous());
  }

  protected <T extends Comparable<T>> List<T> sorted(List<T> items, String... keys) {
    items.sort(
        new Comparator<T>() {
          @Override
          public int compare(T left, T right) {
            return left.compareTo(right);
          }
        });
    return items;
  }

  @Override
  public void close() {
    books.flush();
  }

  /** A loan of one book. */
  public record Loan(Book book, int days) implements Event {
    public Loan {
      Dates.check(days);
    }

    static Loan of(Book book, int days) {
      return new Loan(book, days);
    }
  }

  enum State {
    FREE,
    LENT {
      @Override
      boolean isOut() {
        return true;
      }
    };

    boolean isOut() {
      return false;
    }
  }

  private static class InMemoryBooks implements BookRepository {
    public Optional<Book> byIsbn(String isbn) {
      return Optional.empty();
    }
  }
}
